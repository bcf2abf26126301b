"""Where the rounds of a seed stand, and that as the plain data of a checkpoint."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Settings, State
from sequence_search.strategies.result import Point, points


@dataclass(frozen=True, slots=True)
class Candidate:
    """A refined sequence and its loss on the voxels of the descent."""

    loss: float
    sequence: Sequence


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the search of a seed stands after a round, or after a polish.

    Attributes
    ----------
    generator : dict
        State of the seed's generator of random numbers.
    evaluations : int
        Spent by then.
    number : int
        Rounds taken.
    elite : tuple of Candidate
        Best first.
    history : tuple of Point
    least, without_gain : float, int
        Loss of the last round that gained, and the rounds since.
    over : bool
        Whether there is no further round.
    polished : tuple of Sequence
        Of the elite, in its order, as far as it is polished.
    """

    generator: dict[str, Any]
    evaluations: int = 0
    number: int = 0
    elite: tuple[Candidate, ...] = ()
    history: tuple[Point, ...] = ()
    least: float = math.inf
    without_gain: int = 0
    over: bool = False
    polished: tuple[Sequence, ...] = ()


def load_standing(seed: int, settings: Settings, meter: Meter) -> Standing:
    """The start, or where the checkpoint stands."""
    state = settings.checkpoint.load()
    if state is None:
        return Standing(dict(np.random.default_rng(seed).bit_generator.state))
    meter.resume(state["evaluations"], state["seconds"])
    return _standing(state)


def save_standing(standing: Standing, settings: Settings, meter: Meter) -> None:
    """Keep where the search stands, and the time spent until now."""
    settings.checkpoint.save(_state(standing) | {"seconds": meter.seconds})


def _state(standing: Standing) -> State:
    """Plain data of a standing; sequences and history as arrays, losses bit by bit."""
    state: State = {field.name: getattr(standing, field.name) for field in fields(Standing)}
    elite = state.pop("elite")
    return state | {
        "least": np.array(standing.least),
        "history": np.array(standing.history, np.float64).reshape(-1, len(Point._fields)),
        "elite_loss": np.array([one.loss for one in elite], np.float64),
        **_pulses("elite", [one.sequence for one in elite]),
        **_pulses("polished", list(state.pop("polished"))),
    }


def _standing(state: State) -> Standing:
    """Inverse of `_state`."""
    sequences = _sequences("elite", state)
    return Standing(
        generator=state["generator"],
        evaluations=state["evaluations"],
        number=state["number"],
        elite=tuple(Candidate(*pair) for pair in zip(state["elite_loss"].tolist(), sequences, strict=True)),
        history=points(state["history"]),
        least=float(state["least"]),
        without_gain=state["without_gain"],
        over=state["over"],
        polished=tuple(_sequences("polished", state)),
    )


def _pulses(name: str, sequences: list[Sequence]) -> State:
    """Single sequences as one array [3, pulses] of flip angle, phase and delay, and their pulse numbers."""
    parts = [torch.stack([one.flip_angle, one.phase, one.delay]).numpy() for one in sequences]
    return {
        f"{name}_n_rf": np.array([part.shape[1] for part in parts], np.int64),
        f"{name}_pulses": np.concatenate([np.zeros((3, 0)), *parts], 1),
    }


def _sequences(name: str, state: State) -> list[Sequence]:
    """Inverse of `_pulses`."""
    ends = state[f"{name}_n_rf"].cumsum()[:-1]
    parts = np.split(state[f"{name}_pulses"], ends, 1) if len(state[f"{name}_n_rf"]) else []
    return [Sequence(*torch.from_numpy(part.copy()).unbind(0)) for part in parts]
