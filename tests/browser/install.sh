#!/bin/sh
# The browser tests drive Debian's Chromium, the headless one where it can be had: it needs a third of the processor's
# time of the one with a window. Install it where this machine allows it, else say what is missing.
command -v chromium-headless-shell >/dev/null 2>&1 && exit 0
if [ -z "$CHROMIUM" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium for the browser tests."
    apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium-headless-shell >/dev/null &&
        exit 0
fi
command -v chromium >/dev/null 2>&1 && exit 0
echo "The browser tests need Chromium, which is not here: run 'sudo apt-get install chromium-headless-shell', or set CHROMIUM=/path/to/chrome." >&2
echo "'make quick' runs all other tests." >&2
[ -n "$CHROMIUM" ]
