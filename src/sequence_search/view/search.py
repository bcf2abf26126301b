"""A search that a page started: a process of its own, which works on a study and may outlive the server."""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from sequence_search.problem.problem import Problem
from sequence_search.storage import StorageError, write_bytes
from sequence_search.strategies import make_strategy
from sequence_search.view.folder import NAME
from sequence_search.view.guard import Faulty, Refused
from sequence_search.view.task import read_task, stated_text

MOST_SEEDS = 1000
LONGEST_NAME = 100  # of a folder
RUN = ("-m", "sequence_search", "run")
LOG_END = 4000  # bytes of what the process said that are read


class Searches:
    """The one search that may run at a time, begun in a folder below `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - it is the process's too
        self._stopped = False
        self._starting = threading.Lock()

    def start(self, given: dict[str, Any]) -> tuple[Path, Problem]:
        """Write the problem's file, search it as a study beside it, and return its folder and problem.

        Parameters
        ----------
        given : dict
            As for `stated_text`, and how to search: `strategy`, `seeds` (until they agree if null),
            `maxSeconds` of a seed and `folder`, a name.

        Raises
        ------
        Refused
            If something of it is not right, a search runs already, or a file cannot be written.
        """
        text = stated_text(given)
        problem = read_task(text)
        options = _options(given, problem)
        with self._starting:
            if self.is_running:
                raise Refused(409, f"a search runs already, in {self.folder}: stop it, or wait for its end")
            folder = self._new_folder(given.get("folder"), problem.name)
            file = folder.with_name(f"{folder.name}.toml")
            try:
                write_bytes(file, text.encode("utf-8"))
            except StorageError as error:
                raise Refused(507, str(error)) from None
            command = [sys.executable, *RUN, file.name, "--out", folder.name, *options]
            self._log.seek(0)
            self._log.truncate()
            self._process = subprocess.Popen(
                command,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal ends the server alone
            )
            self.folder, self._stopped = folder, False
        return folder, problem

    def stop(self) -> None:
        """Ask the search to end, which keeps what is done; Refused if none runs."""
        if self._process is None or not self.is_running:
            raise Refused(409, "no search runs")
        self._stopped = True
        self._process.terminate()

    def close(self) -> None:
        """Forget what was started, which runs on."""
        self._log.close()

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def process_id(self) -> int | None:
        """Of the search that runs; None without one."""
        return self._process.pid if self._process is not None and self.is_running else None

    @property
    def failure(self) -> str:
        """What a search that ended by an error said last; empty of others."""
        if self._process is None or self.is_running or self._stopped or not self._process.returncode:
            return ""
        with self._starting:  # the place in the log is one for all threads
            self._log.seek(0, os.SEEK_END)
            self._log.seek(max(0, self._log.tell() - LOG_END))
            lines = self._log.read().decode("utf-8", "replace").splitlines()
        at = next((at for at, line in enumerate(lines) if line.startswith("error:")), len(lines) - 3)
        return " ".join(" ".join(lines[max(0, at) :]).split()) or "the search ended without a word"

    def _new_folder(self, stated: object, problem: str) -> Path:
        """The folder that is named, or a fresh one, of which neither it nor the file beside it is there."""
        if stated in (None, ""):
            for number in itertools.count(1):
                name = problem if number == 1 else f"{problem}-{number}"
                if self._is_free(name):
                    return self.directory / name
        if not isinstance(stated, str) or not NAME.fullmatch(stated) or len(stated) > LONGEST_NAME:
            raise Faulty(
                f"the folder is a name of letters, digits, '.', '_' and '-', got {stated!r}",
            )
        if not self._is_free(stated):
            raise Faulty(f"{stated} or {stated}.toml is there already in {self.directory}: name another")
        return self.directory / stated

    def _is_free(self, name: str) -> bool:
        return not any(os.path.lexists(self.directory / each) for each in (name, f"{name}.toml"))


def _options(given: dict[str, Any], problem: Problem) -> list[str]:
    """How to search, for the command line; Faulty if that cannot be, or not for this problem."""
    strategy, seeds, seconds = (given.get(key) for key in ("strategy", "seeds", "maxSeconds"))
    strategy = "multistart" if strategy is None else strategy
    try:
        make_strategy(str(strategy), {}, problem)
    except ValueError as error:
        raise Faulty(str(error)) from None
    options = ["--strategy", str(strategy)]
    if seeds is not None:
        if type(seeds) is not int or not 1 <= seeds <= MOST_SEEDS:
            raise Faulty(f"seeds must be a whole number from 1 to {MOST_SEEDS}, got {seeds!r}")
        options += ["--seeds", str(seeds)]
    if seconds is not None:
        if type(seconds) not in (int, float) or not (math.isfinite(seconds) and seconds >= 1):
            raise Faulty(f"seconds of a seed must be a number of at least 1, got {seconds!r}")
        options += ["--max-seconds", str(seconds)]
    return options
