"""What a request must be, before anything is done for it."""

from __future__ import annotations

import secrets
from email.message import Message

LARGEST_BODY = 1 << 20  # bytes; a problem file has some thousands
TOKEN_HEADER = "X-Sequence-Search-Token"


class Refused(Exception):
    """A request that is not answered: a status of HTTP, and lines that say why."""

    def __init__(self, status: int, *lines: str) -> None:
        self.status, self.lines = status, list(lines)
        super().__init__("; ".join(lines))


class Faulty(Refused):
    """What a person stated and can put right, which is told as an answer like others."""

    def __init__(self, *lines: str) -> None:
        super().__init__(200, *lines)


def check_host(headers: Message[str, str], port: int) -> None:
    """Refuse a request that was sent to another name, as by a site that has its name point here."""
    host = headers.get("Host", "")
    if host not in _hosts(port):
        raise Refused(421, f"Host must be {' or '.join(_hosts(port))}, got {host!r}")


def check_change(headers: Message[str, str], port: int, token: str) -> None:
    """Refuse a request that changes something and does not come from a page of this server."""
    origin = headers.get("Origin", "")
    if origin not in [f"http://{host}" for host in _hosts(port)]:
        raise Refused(403, f"Origin must be that of this page, got {origin!r}")
    kind = headers.get("Content-Type", "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, f"Content-Type must be application/json, got {kind!r}")
    if not secrets.compare_digest(headers.get(TOKEN_HEADER, "").encode(), token.encode()):
        raise Refused(403, "the page is of a server that has ended: load it again")


def body_length(headers: Message[str, str]) -> int:
    """Bytes of a request's body, which must be stated and not too many."""
    stated = headers.get("Content-Length", "")
    if "Transfer-Encoding" in headers or not (stated.isascii() and stated.isdigit()):
        raise Refused(411, "the length of the body must be stated")
    # An int of thousands of digits is refused by Python itself.
    if len(stated) > 12 or int(stated) > LARGEST_BODY:
        raise Refused(413, f"the body must be at most {LARGEST_BODY:,} bytes")
    return int(stated)


def _hosts(port: int) -> tuple[str, str]:
    return f"127.0.0.1:{port}", f"localhost:{port}"
