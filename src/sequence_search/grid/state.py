"""Where a grid search stands, and the file that it goes on from."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class GridPoint:
    """A point of a grid; the lesser has the lesser loss, or the same and the lesser index.

    Attributes
    ----------
    loss : float
        Over the voxels of the grid search.
    index : int
        Of `Grid.sequences`.
    """

    loss: float
    index: int


@dataclass(frozen=True, slots=True)
class GridState:
    """All points before `next` are done.

    Attributes
    ----------
    next : int
    top : tuple of GridPoint
        The best so far, best first.
    seconds : float
        Spent so far.
    """

    next: int = 0
    top: tuple[GridPoint, ...] = ()
    seconds: float = 0.0


def save_state(path: Path, key: str, state: GridState) -> None:
    """Write the state of the grid search that goes by the key."""
    top = [[point.loss, point.index] for point in state.top]
    record = {"grid_sha256": key, "next": state.next, "seconds": state.seconds, "top": top}
    write_aside(path, json.dumps(record))


def write_aside(path: Path, text: str) -> None:
    """Write a file under another name and move it into place, so that it is never half there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def load_state(path: Path, key: str) -> GridState:
    """Return what `save_state` wrote; the beginning if there is no file.

    Raises
    ------
    ValueError
        If the file cannot be read, or is of another grid.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        found = record["grid_sha256"]
        top = tuple(GridPoint(float(loss), int(index)) for loss, index in record["top"])
        state = GridState(int(record["next"]), top, float(record["seconds"]))
    except FileNotFoundError:
        return GridState()
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not the state of a grid search ({error!r}): remove it") from None
    if found != key:
        raise ValueError(
            f"{path} is of another grid search (problem, grid, voxels or number of best points differ):"
            " remove it to begin anew, or choose another folder"
        )
    return state
