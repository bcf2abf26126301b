"""What a server shows: a study, or tasks and the search that was started last."""

from __future__ import annotations

import secrets
import shlex
import threading
from pathlib import Path
from typing import Any

from sequence_search.view.follow import Follower
from sequence_search.view.guard import Refused
from sequence_search.view.search import Searches

MOST_FOLLOWING = 32  # viewers whose connection stays open


class Viewing:
    """A study, or without one searches below `directory`."""

    def __init__(self, study: Path | None, directory: Path, problem: str | None = None) -> None:
        self.token = secrets.token_urlsafe(24)
        self.searches = None if study is not None else Searches(directory)
        self.closing = threading.Event()
        self.following = threading.BoundedSemaphore(MOST_FOLLOWING)
        self.computing = threading.Lock()
        # Of the study that is served, or that of the search that was started last.
        self.follower = None if study is None else Follower(study, self.computing, problem)

    def start(self, given: dict[str, Any]) -> Path:
        """Start a search, as `Searches.start`, and follow it; Refused where a study alone is served."""
        if self.searches is None:
            raise Refused(403, "this server shows a study and starts no search")
        folder, problem = self.searches.start(given)
        self.follower = Follower(folder, self.computing, stated=problem)
        return folder

    def status(self) -> dict[str, Any]:
        """How the study stands, and whether its search is one of this server's that can be stopped."""
        if self.follower is None:
            return {"state": "none", "message": "", "results": ""}
        status = self.follower.status()
        if self.searches is None:
            return status | {"started": False}
        running, failure = self.searches.is_running, self.searches.failure
        if failure:
            status = status | {"state": "failed", "message": failure}
        if running and status["state"] in ("gone", "stopped", "done"):
            status = status | {"state": "running" if "total" in status else "starting", "message": ""}
        return status | {"started": running}

    def live(self, page: str, results: str = "") -> dict[str, Any]:
        """What a page knows from the start; `results` are those that it shows."""
        folder = "" if self.follower is None else str(self.follower.folder)
        return {
            "page": page,
            "token": self.token,
            "results": results,
            "folder": folder,
            "resume": f"sequence-search resume {shlex.quote(folder)}",
            "directory": "" if self.searches is None else str(self.searches.directory),
        }

    def close(self) -> None:
        """End what follows; a search that was started runs on."""
        self.closing.set()
        if self.searches is not None:
            self.searches.close()
