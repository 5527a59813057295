"""The command `xception-lab`: without arguments it opens the app, with arguments it is the terminal."""

import os
import runpy
import sys
from collections.abc import Sequence

from xception_lab.cli.main import main as run_command
from xception_lab.common.files import app_folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the app, or run a command of cli.main; returns the exit status.

    arguments: None for this process's own. None at all, or `run`, opens the app; what stands behind `run` goes to
    Streamlit, such as --server.port=8600.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] == "run":
        return _open_app(arguments[1:])
    return run_command(list(arguments))


def _open_app(options: Sequence[str]) -> int:
    """Serve the app in this process until it is stopped, so that whoever ends this process ends the server."""
    # Streamlit reads .streamlit/config.toml beside the script, so the app's own holds wherever this is started
    script = app_folder() / "app.py"
    sys.argv = ["streamlit", "run", str(script), f"--server.headless={not _has_screen()}", *options]
    try:
        runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _has_screen() -> bool:
    """Whether a browser can be opened: a desktop has a screen, a server does not."""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
