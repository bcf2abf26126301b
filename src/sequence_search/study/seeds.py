"""The folder of a seed: its files, and what they say of it."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sequence_search.storage import is_locked, is_whole, read_json, write_json
from sequence_search.study.plan import Task

SeedState = Literal["waiting", "running", "interrupted", "failed", "done"]
MAX_ATTEMPTS = 3  # after so many failures a seed is not tried again


@dataclass(frozen=True, slots=True)
class SeedFolder:
    """Paths of one seed of one problem.

    Attributes
    ----------
    path : Path
    """

    path: Path

    @property
    def result(self) -> Path:
        """Its presence means done."""
        return self.path / "result.json"

    @property
    def status(self) -> Path:
        """How far it is, and how it ran."""
        return self.path / "status.json"

    @property
    def history(self) -> Path:
        """Loss and what was spent on the way."""
        return self.path / "history.npz"

    @property
    def checkpoint(self) -> Path:
        """Where its search goes on; of a batch of seeds the first has it."""
        return self.path / "checkpoint.npz"

    @property
    def lock(self) -> Path:
        """Held by the process that works on the seed; of a batch of seeds the first has it."""
        return self.path / "lock"


def seed_folder(study: Path, problem: str, seed: int) -> SeedFolder:
    """Folder of a seed in a study."""
    return SeedFolder(study / problem / folder_name(seed))


def folder_name(seed: int) -> str:
    """As "seed-0007"."""
    return f"seed-{seed:04d}"


def read_result(folder: SeedFolder) -> dict[str, Any] | None:
    """Content of a whole result.json; None if there is none, or it is empty or cut off."""
    return read_json(folder.result) if is_whole(folder.result) else None


def n_attempts(folder: SeedFolder) -> int:
    """Count attempts at a seed that failed."""
    return int((read_json(folder.status) or {}).get("attempts", 0))


def write_status(folder: SeedFolder, state: SeedState, content: dict[str, Any]) -> None:
    """Write status.json with the time and the host's name."""
    stamp = {"updated": now(), "host": socket.gethostname()}
    write_json(folder.status, {"state": state, **content, **stamp})


def now() -> str:
    """Say the time of day, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class SeedView:
    """A seed as its files tell.

    Attributes
    ----------
    seed : int
    state : str
    loss : float or None
        Of a seed that is done; of one that is under way the least so far on the training voxels.
    status : dict
        Content of status.json; empty if there is none, or it is damaged.
    """

    seed: int
    state: SeedState
    loss: float | None
    status: dict[str, Any]


def view_task(study: Path, task: Task) -> list[SeedView]:
    """Look at every seed of a task, by reading alone; little of those that are done, maybe thousands."""
    # Joining paths as text: pathlib would take half the time of a study of 10,000 seeds.
    folders = [f"{study}/{task.problem}/{folder_name(seed)}" for seed in task.seeds]
    done = [is_whole(f"{folder}/result.json") for folder in folders]
    running = not all(done) and is_locked(f"{folders[0]}/lock")
    views = []
    for seed, folder, is_done in zip(task.seeds, folders, done, strict=True):
        status = read_json(f"{folder}/status.json")
        loss = (status or {}).get("loss")
        if is_done and (loss is None or status is None or status.get("state") != "done"):
            loss = (read_json(f"{folder}/result.json") or {}).get("loss")
        views.append(SeedView(seed, _state(is_done, status, running), loss, status or {}))
    return views


def _state(done: bool, status: dict[str, Any] | None, running: bool) -> SeedState:
    if done:
        return "done"
    if running:
        return "running"
    if status is None:
        return "waiting"
    # "running" without its lock: the process ended without a word. "done" without a result: it was lost.
    return "failed" if status.get("state") == "failed" else "interrupted"
