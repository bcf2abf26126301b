"""The folder of a seed: its files, and what they say of it."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sequence_search.storage import is_locked, is_whole, read_json, write_json
from sequence_search.study.plan import LOCK_FILE, Task

SeedState = Literal["waiting", "running", "interrupted", "failed", "done"]
MAX_ATTEMPTS = 3  # after so many failures a seed is not tried again
# A whole result means done; the history has the loss and what was spent on the way. Of a batch of seeds the
# first has the checkpoint and the lock, which the process that works on them holds.
RESULT_FILE, STATUS_FILE = "result.json", "status.json"
HISTORY_FILE, CHECKPOINT_FILE = "history.npz", "checkpoint.npz"


def seed_folder(study: Path, problem: str, seed: int) -> Path:
    """Folder of a seed in a study, as STUDY/max-signal/seed-0007."""
    return study / problem / _name(seed)


def _name(seed: int) -> str:
    return f"seed-{seed:04d}"


def read_result(folder: Path) -> dict[str, Any] | None:
    """Content of a whole result.json; None if there is none, or it is empty or cut off."""
    return read_json(folder / RESULT_FILE) if is_whole(folder / RESULT_FILE) else None


def read_status(folder: Path) -> dict[str, Any]:
    """Content of status.json; empty if there is none, or it is damaged."""
    return read_json(folder / STATUS_FILE) or {}


def n_attempts(folder: Path) -> int:
    """Count attempts at a seed that failed."""
    return int(read_status(folder).get("attempts", 0))


def write_status(folder: Path, state: SeedState, content: dict[str, Any]) -> None:
    """Write status.json with the time and the host's name."""
    stamp = {"updated": now(), "host": socket.gethostname()}
    write_json(folder / STATUS_FILE, {"state": state, **content, **stamp})


def now() -> str:
    """Say the time of day, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class SeedView(NamedTuple):
    """A seed as its files tell.

    `loss` is, of a seed under way, the least so far on the training voxels; `status` as from `read_status`.
    """

    seed: int
    state: SeedState
    loss: float | None
    status: dict[str, Any]


def view_task(study: Path, task: Task) -> list[SeedView]:
    """Look at every seed of a task, by reading alone; little of those that are done, maybe thousands."""
    # Joining paths as text: pathlib would take half the time of a study of 10,000 seeds.
    folders = [f"{study}/{task.problem}/{_name(seed)}" for seed in task.seeds]
    done = [is_whole(f"{folder}/{RESULT_FILE}") for folder in folders]
    running = not all(done) and is_locked(f"{folders[0]}/{LOCK_FILE}")
    views = []
    for seed, folder, is_done in zip(task.seeds, folders, done, strict=True):
        status = read_json(f"{folder}/{STATUS_FILE}") or {}
        loss = status.get("loss")
        if is_done and (loss is None or status.get("state") != "done"):
            loss = (read_json(f"{folder}/{RESULT_FILE}") or {}).get("loss")
        views.append(SeedView(seed, _state(is_done, status, running), loss, status))
    return views


def _state(done: bool, status: dict[str, Any], running: bool) -> SeedState:
    if done:
        return "done"
    if running:
        return "running"
    if not status:
        return "waiting"
    # "running" without its lock: the process ended without a word. "done" without a result: it was lost.
    return "failed" if status.get("state") == "failed" else "interrupted"
