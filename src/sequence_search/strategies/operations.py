"""How likely each operation of a `proxyless` run was on the way, and as arrays of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

DIGITS = 4  # of a probability


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice among candidates, of the operation of a layer or of the gradient after its pulse.

    Attributes
    ----------
    name : as "layer 1", or "gradient 1"
    candidates : names with the parameters at the end of the run, as "excite 88°", "wait 6.2 ms", "crusher"
    probability : [n_steps][n_candidates], whose sum is 1 but for rounding; 0 of what may not be drawn
    """

    name: str
    candidates: tuple[str, ...]
    probability: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, repr=False)
class Operations:
    """Probabilities of all operations of a run.

    Attributes
    ----------
    steps : taken by then, ascending [n_steps]
    choices : those of all layers, then those of the gradients after each
    """

    steps: tuple[int, ...]
    choices: tuple[Choice, ...]

    def __repr__(self) -> str:
        return f"<Operations of {len(self.choices)} choices at {len(self.steps)} steps>"


def operations_arrays(operations: Operations | None) -> dict[str, Any]:
    """Arrays by name, and the names of choices and candidates as plain values; empty without operations."""
    if operations is None:
        return {}
    names = [[choice.name, list(choice.candidates)] for choice in operations.choices]
    joined = np.concatenate([np.array(choice.probability) for choice in operations.choices], -1)
    return {
        "operation_steps": np.array(operations.steps),
        "operation_probability": joined.astype(np.float32),
        "operations": names,
    }


def read_operations(arrays: Mapping[str, Any]) -> Operations | None:
    """What `operations_arrays` made; None if there is none."""
    if "operations" not in arrays:
        return None
    steps, every = arrays["operation_steps"].tolist(), np.asarray(arrays["operation_probability"], float)
    ends = np.cumsum([len(candidates) for _, candidates in arrays["operations"]])
    parts = np.split(every.round(DIGITS), ends[:-1], axis=-1)
    choices = [
        Choice(name, tuple(candidates), tuple(map(tuple, part.tolist())))
        for (name, candidates), part in zip(arrays["operations"], parts, strict=True)
    ]
    return Operations(tuple(steps), tuple(choices))
