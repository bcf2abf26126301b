"""Requests of browsers, at a few fixed addresses."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

from sequence_search.view.follow import Follower
from sequence_search.view.guard import Refused, body_length, check_change, check_host
from sequence_search.view.pages import SERVED_POLICY, served, task_page, waiting_page
from sequence_search.view.task import choices, task_data
from sequence_search.view.viewing import Viewing

WAIT_FOR_CLIENT_S = 30.0
MOST_DRAINED = 16 << 20  # bytes of a body that is refused
LOOK_EVERY_S, BEAT_EVERY = 1.0, 15  # looks without news, after which a line keeps the connection awake
HEADERS = {
    "Content-Security-Policy": SERVED_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Handler(BaseHTTPRequestHandler):
    """Answers one request and closes the connection."""

    server_version, sys_version = "sequence-search", ""
    timeout = WAIT_FOR_CLIENT_S
    _is_read = False  # whether the body was

    def __init__(self, viewing: Viewing, *request: Any) -> None:
        self.viewing = viewing
        super().__init__(*request)

    def _answer(self) -> None:
        try:
            check_host(self.headers, self._port())
            methods = ROUTES.get(self.path)
            if methods is None:
                raise Refused(404, "nothing is here")
            if self.command not in methods:
                raise Refused(405, f"{self.path} takes {', '.join(methods)}, got {self.command}")
            methods[self.command](self)
        except Refused as refused:
            self._drain()
            self._send_json(refused.status, {"errors": refused.lines})
        except (ConnectionError, TimeoutError):
            raise
        except Exception as error:
            self._send_json(500, {"errors": [f"{type(error).__name__}: {error}"]})
            raise

    def _drain(self) -> None:
        """Read what is left of a body, without which the answer would be lost."""
        self.connection.settimeout(LOOK_EVERY_S)
        stated = self.headers.get("Content-Length", "")
        if self._is_read or not stated.isdecimal() or len(stated) > 12:
            return
        with suppress(OSError):
            self.rfile.read(min(int(stated), MOST_DRAINED))

    do_GET = do_POST = _answer  # noqa: N815 - names that the library calls

    def log_message(self, format: str, *args: Any) -> None:
        """Keep silent."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no request of HTTP, as all else."""
        self._send_json(code, {"errors": [message or "no request"]})

    def first(self) -> None:
        """The study, or the page to state a task."""
        if self.viewing.searches is None:
            self.study()
        else:
            self._send_page(task_page(self.viewing.live("task") | {"choices": choices()}))

    def study(self) -> None:
        """The study's last report, at once; the page asks for the next itself."""
        follower = self._follower()
        if follower.last_page is None:
            self._send_page(waiting_page(follower.problem(), self.viewing.live("study")))
        else:
            page, results = follower.last_page
            self._send_page(served(page, self.viewing.live("study", results)))

    def report(self) -> None:
        """The study's report as of now."""
        try:
            page, results = self._follower().page()
        except (ValueError, OSError) as error:
            raise Refused(409, *str(error).splitlines()) from None
        self._send_page(served(page, self.viewing.live("study", results)))

    def events(self) -> None:
        """How the study stands, whenever that changes, until the browser goes away."""
        if not self.viewing.following.acquire(blocking=False):
            raise Refused(503, "too many pages follow already: close some")
        try:
            self._head(200, "text/event-stream")
            self._follow()
        finally:
            self.viewing.following.release()

    def _follow(self) -> None:
        told: dict[str, Any] = {}
        quiet = 0
        while not self.viewing.closing.is_set():
            status = self.viewing.status()
            follower = self.viewing.follower
            best = None if follower is None else follower.best(status)
            lines = ""
            for name, data in (("best", best), ("status", status)):
                if told.get(name) != data:
                    told[name] = data
                    lines += f"event: {name}\ndata: {json.dumps(data, allow_nan=False)}\n\n"
            quiet = 0 if lines else quiet + 1
            if lines or quiet % BEAT_EVERY == 0:
                self.connection.settimeout(WAIT_FOR_CLIENT_S)
                self.wfile.write((lines or ":\n\n").encode())
            self.connection.settimeout(LOOK_EVERY_S)
            with suppress(TimeoutError):
                self.connection.recv(1)
                return  # a browser sends nothing more: this is the end of the connection

    def task(self) -> None:
        """A task as it is stated, checked."""
        given = self._given()
        with self.viewing.computing:
            found = task_data(given)
        self._send_json(200, found)

    def search(self) -> None:
        """Start a search."""
        given = self._given()
        self._send_json(200, {"folder": str(self.viewing.start(given))})

    def stop(self) -> None:
        """Stop it."""
        self._given()
        if self.viewing.searches is None:
            raise Refused(403, "this server shows a study and stops no search")
        self.viewing.searches.stop()
        self._send_json(200, {})

    def icon(self) -> None:
        """None."""
        self._head(204, "image/x-icon")

    def _port(self) -> int:
        return int(self.connection.getsockname()[1])

    def _follower(self) -> Follower:
        if self.viewing.follower is None:
            raise Refused(404, "no search was started yet")
        return self.viewing.follower

    def _given(self) -> dict[str, Any]:
        """What the body of a request from our own page says."""
        check_change(self.headers, self._port(), self.viewing.token)
        length = body_length(self.headers)
        self._is_read = True
        try:
            given = json.loads(self.rfile.read(length))
        except (ValueError, RecursionError):
            raise Refused(400, "the body must be JSON") from None
        if not isinstance(given, dict):
            raise Refused(400, "the body must be an object of JSON")
        return given

    def _send_page(self, page: str) -> None:
        self._send(200, "text/html; charset=utf-8", page.encode("utf-8"))

    def _send_json(self, status: int, data: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(data, allow_nan=False).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self._head(status, kind, len(body))
        self.wfile.write(body)

    def _head(self, status: int, kind: str, length: int | None = None) -> None:
        self.send_response(status)
        headers = (
            HEADERS | {"Content-Type": kind} | ({} if length is None else {"Content-Length": str(length)})
        )
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


ROUTES: dict[str, dict[str, Callable[[Handler], None]]] = {
    "/": {"GET": Handler.first},
    "/study": {"GET": Handler.study},
    "/report": {"GET": Handler.report},
    "/events": {"GET": Handler.events},
    "/favicon.ico": {"GET": Handler.icon},
    "/task": {"POST": Handler.task},
    "/search": {"POST": Handler.search},
    "/stop": {"POST": Handler.stop},
}
