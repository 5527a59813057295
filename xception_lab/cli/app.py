"""The command `xception-lab`: without arguments it opens the app, with arguments it is the terminal."""

import os
import runpy
import socket
import sys
from collections.abc import Sequence

import psutil

from xception_lab.cli.main import main as run_command
from xception_lab.common.files import app_folder
from xception_lab.common.settings import load_settings

DEFAULT_PORT = 8501
PORTS_TRIED = 100  # by Streamlit, from the default on, where no port is asked for
LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = ("0.0.0.0", "::")


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
    print(start_line(options), flush=True)
    if problem := load_settings().problem:
        print(f"note: {problem}", file=sys.stderr, flush=True)
    sys.argv = ["streamlit", "run", str(script), f"--server.headless={not _has_screen()}", *options]
    try:
        runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def start_line(options: Sequence[str]) -> str:
    """On which addresses the server listens, and how to bind it to this machine alone. options: Streamlit's."""
    address = _option(options, "server.address")
    port = _option(options, "server.port") or _first_free_port(address or "")
    if address in LOOPBACK:
        return f"Xception Lab listens on {address}, port {port}: for this machine alone."
    if address and address not in EVERYWHERE:
        return f"Xception Lab listens on {address}, port {port}."
    names = ", ".join(f"http://{each}:{port}" for each in _addresses()) or "none but this machine's own"
    return (
        f"Xception Lab listens on all addresses of this machine, port {port}; from other machines: {names}.\n"
        "For this machine alone: xception-lab run --server.address 127.0.0.1"
    )


def _option(options: Sequence[str], name: str) -> str | None:
    """The value of one of Streamlit's options, from its arguments or else from the environment."""
    for place, option in enumerate(options):
        if option.startswith(f"--{name}="):
            return option.partition("=")[2]
        if option == f"--{name}" and place + 1 < len(options):
            return options[place + 1]
    return os.environ.get(f"STREAMLIT_{name.replace('.', '_').upper()}")


def _first_free_port(address: str) -> int:
    """The port that Streamlit takes where none is asked for: the first that no other program has."""
    for port in range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED):
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((address, port))
            except OSError:
                continue
        return port
    return DEFAULT_PORT  # Streamlit will say that it found none


def _addresses() -> tuple[str, ...]:
    """This machine's IPv4 addresses, as far as other machines may reach them."""
    found = (
        each.address for cards in psutil.net_if_addrs().values() for each in cards if each.family == socket.AF_INET
    )
    return tuple(sorted(address for address in found if not address.startswith(("127.", "169.254."))))


def _has_screen() -> bool:
    """Whether a browser can be opened: a desktop has a screen, a server does not."""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
