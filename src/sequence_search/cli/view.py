"""The command that shows pages in the browser: view."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sequence_search.cli.app import app
from sequence_search.cli.arguments import ProblemOption
from sequence_search.cli.checks import bad_input
from sequence_search.cli.printing import say

if TYPE_CHECKING:
    from sequence_search.view.server import ViewServer


@app.command()
def view(
    study: Annotated[
        Path | None, typer.Argument(metavar="[STUDY]", help="Folder of a study; without, a task to state.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Of 127.0.0.1; the first that is free from 8420 on.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address alone.")] = False,
    problem: ProblemOption = None,
) -> None:
    """Look at a study in the browser, also while it runs; or state a task, play with it and search."""
    from sequence_search.view.server import make_server

    with bad_input():
        if study is None and problem is not None:
            raise ValueError("--problem is one of a study's: name its folder; without, choose it in the page")
        server = make_server(port, study, Path.cwd(), problem)
    _serve(server, no_browser)


def _serve(server: ViewServer, no_browser: bool) -> None:
    """Until Ctrl-C or SIGTERM."""
    say(f"{server.url}  (Ctrl-C ends the server)")
    if server.viewing.searches is not None:
        say(f"searches that are started there are written in {server.viewing.searches.directory}")
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if not no_browser:
            # In a thread, since a browser in the terminal keeps its caller waiting.
            threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        say(_left_running(server))
    finally:
        signal.signal(signal.SIGTERM, before)
        server.close()
    if server.viewing.computing.locked():
        # A report under way has threads of its own, with which an ordinary end would be an abort.
        sys.stdout.flush()
        os._exit(0)


def _left_running(server: ViewServer) -> str:
    """What runs on without the server."""
    follower, searches = server.viewing.follower, server.viewing.searches
    if follower is None:
        return "the server has ended; no search runs"
    again = f"sequence-search view {shlex.quote(str(follower.folder))}"
    if searches is not None and (process := searches.process_id) is not None:
        return (
            f"the server has ended; its search in {follower.folder} runs on, as process {process}: "
            f"kill {process} stops it, {again} shows it again"
        )
    if searches is None and follower.status()["state"] == "running":
        return f"the server has ended; the study {follower.folder} runs on, elsewhere: {again} shows it again"
    return "the server has ended; no search runs"
