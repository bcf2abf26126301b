"""The server, on this machine alone."""

from __future__ import annotations

import os
import socketserver
import sys
import threading
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sequence_search.view.follow import Follower
from sequence_search.view.handler import Handler
from sequence_search.view.viewing import Viewing

ADDRESS, FIRST_PORT, MOST_TRIED = "127.0.0.1", 8420, 50


class ViewServer(ThreadingHTTPServer):
    """Serves a study, or without one a page to state a task, and the search of it below `directory`.

    Raises
    ------
    OSError
        If the port is taken.
    """

    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # where it would let two servers have one port

    def __init__(self, port: int, study: Path | None, directory: Path, problem: str | None = None) -> None:
        self.viewing = Viewing(study, directory, problem)
        try:
            super().__init__((ADDRESS, port), partial(Handler, self.viewing))
        except BaseException:
            self.viewing.close()
            raise

    def server_bind(self) -> None:
        """Bind, without asking for this machine's name, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell nothing of browsers that went away."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """What a browser opens."""
        return f"http://{ADDRESS}:{self.server_port}/"

    def close(self) -> None:
        """End all connections; a search that was started runs on."""
        self.viewing.close()
        self.server_close()


def make_server(
    port: int | None, study: Path | None, directory: Path, problem: str | None = None
) -> ViewServer:
    """Server at a port, or at the first that is free.

    Raises
    ------
    ValueError
        If there is no such study, or the port is taken, with one that is free.
    """
    if study is not None:
        Follower(study, threading.Lock(), problem).study()
    first = FIRST_PORT if port is None else port
    for number in range(first, first + MOST_TRIED):
        try:
            server = ViewServer(number, study, directory, problem)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
        else:
            if port in (None, number):
                return server
            server.close()
            raise ValueError(f"port {port} cannot be had: {reason}; {number} is free: --port {number}")
    raise ValueError(f"no port from {first} to {first + MOST_TRIED - 1} can be had: {reason}")
