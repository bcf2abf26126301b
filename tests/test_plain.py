import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from sequence_search.sequence import Sequence
from sequence_search.storage import read_arrays, write_arrays
from sequence_search.strategies.plain import from_plain, to_plain
from sequence_search.strategies.result import Point


@dataclass(frozen=True)
class Inner:
    loss: float
    sequence: Sequence


@dataclass(frozen=True)
class Outer:
    numbers: torch.Tensor
    array: np.ndarray
    inner: tuple[Inner, ...]
    histories: tuple[tuple[Point, ...], ...]
    generator: dict[str, Any]
    reasons: tuple[str | None, ...]
    least: float = math.inf


STATE = Outer(
    torch.tensor([[1.0, -math.inf]], dtype=torch.float64),
    np.arange(3),
    tuple(Inner(0.1 + 0.2 * n, Sequence.from_degrees_ms([90.0] * n, [1 / 3] * n, [6.2] * n)) for n in (1, 3)),
    ((Point(1, math.nan, 4, 0.1), Point(2, 0.5, 8, 0.2)), ()),
    dict(np.random.default_rng(3).bit_generator.state),
    ("lost", None),
)


def test_a_state_is_read_to_the_last_bit(tmp_path):
    write_arrays(tmp_path / "state.npz", to_plain(STATE))
    saved = read_arrays(tmp_path / "state.npz")
    again = from_plain(Outer, saved["state"], saved)
    assert torch.equal(again.numbers, STATE.numbers)
    assert again.array.tolist() == STATE.array.tolist()
    for mine, theirs in zip(again.inner, STATE.inner, strict=True):
        assert mine.loss == theirs.loss
        for part in ("flip_angle", "phase", "delay"):
            assert torch.equal(getattr(mine.sequence, part), getattr(theirs.sequence, part))
    assert str(again.histories) == str(STATE.histories)
    assert (again.generator, again.reasons, again.least) == (STATE.generator, STATE.reasons, math.inf)


def test_a_state_is_arrays_and_json_values():
    plain = to_plain(STATE)
    arrays = {name: value for name, value in plain.items() if name != "state"}
    assert all(isinstance(value, np.ndarray) and value.dtype != object for value in arrays.values())
    assert len(arrays) == 2 + 2 * 3
    json.dumps(plain["state"])
