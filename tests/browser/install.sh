#!/bin/sh
# The browser tests drive Debian's Chromium. Install it where this machine allows it, else say what is missing.
command -v chromium >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium for the browser tests."
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null && exit 0
fi
echo "The browser tests need Chromium, which is not here: run 'sudo apt-get install chromium', or set CHROMIUM=/path/to/chrome." >&2
echo "'make quick' runs all other tests." >&2
[ -n "$CHROMIUM" ]
