"""The address by which a class reaches this server, where the teacher's own browser uses one that no other can."""

import ipaddress
import socket
from urllib.parse import urlsplit, urlunsplit

from xception_lab.common.messages import say

# where a packet to another machine would start from; none is sent, and the address belongs to nobody
_ELSEWHERE = ("192.0.2.1", 9)


def own_address() -> str | None:
    """This machine's address in its network; None where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:
            return None
        return probe.getsockname()[0]


def class_origin(url: str, address: str | None) -> tuple[str, str]:
    """Scheme, host and port of the links that a class opens, and a note about them or "".

    url: of the teacher's page. address: this machine's in its network, which stands in where the teacher's page is
    reached by a name that means each machine itself.
    """
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    if not _is_loopback(host):
        return urlunsplit((parts.scheme, parts.netloc, "", "", "")), ""
    if address is None or _is_loopback(address):
        note = say(
            "This address leads to your own machine only: open this page by the address that the class can reach."
        )
        return urlunsplit((parts.scheme, parts.netloc, "", "", "")), note
    netloc = f"{address}:{parts.port}" if parts.port else address
    note = say("{address} is this machine's address in its network, for whoever is in it.", address=address)
    return urlunsplit((parts.scheme, netloc, "", "", "")), note


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
