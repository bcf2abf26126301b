"""What a problem limits, measured on sequences: each value, whether it is as wished, and its gradient."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from sequence_search.checks import FILE_UNITS
from sequence_search.columns import readout_multiples
from sequence_search.engines.simulator import LossFunction, Simulator
from sequence_search.limits import CONVENTIONAL_RF_ENERGY, Limits, Range
from sequence_search.means import weighted_mean
from sequence_search.objective import KernelForm, Objective, Term, term
from sequence_search.pulses.kinds import Kind
from sequence_search.sections import n_apart
from sequence_search.sequence import Sequence
from sequence_search.structure import Structure, find_structure
from sequence_search.voxels import Voxels
from sequence_search.words import bounds_text

# By how much of its bound a value may miss it: rounding, and that of a file.
ALLOWED = 1e-6

# Structures of sequences [batch], in their order.
FindStructures = Callable[[Sequence], list[Structure]]


@dataclass(frozen=True, slots=True)
class Wish:
    """One limit of a problem, and what a sequence makes of it.

    Attributes
    ----------
    name : key in ``[limits]``, with the unit of all numbers in its name, as "te_ms" or "signal.CSF.mean"
    met : bool
    value : None where there is none, as of TI without an inversion, and of given pulses
    low, high : None without
    margin : from the value to the nearer bound, negative if it is missed by so much; None without value
    """

    name: str
    met: bool
    value: float | None = None
    low: float | None = None
    high: float | None = None
    margin: float | None = None

    @property
    def asked(self) -> str:
        """The bounds in words, as "at most 40"."""
        is_given = self.low is None and self.high is None
        return "as given" if is_given else bounds_text(self.low, self.high)

    @property
    def found(self) -> str:
        """The value in words."""
        if self.low is None and self.high is None:
            return "as given" if self.met else "otherwise"
        return "none" if self.value is None else _short(self.value)

    @property
    def verdict(self) -> str:
        """Whether it is met, and by how much, in words."""
        if self.margin is None:
            return "met" if self.met else "not met"
        if not self.met:
            return f"not met, by {_short(-self.margin)}"
        is_free = self.margin > ALLOWED * max(self.low or 0.0, self.high or 0.0)
        return f"met, {_short(self.margin)} to spare" if is_free else "met, at the bound"


@dataclass(frozen=True, slots=True)
class Measure:
    """A limited quantity.

    Attributes
    ----------
    name, factor : key in ``[limits]``, and how many of its unit make one in SI
    limit : in SI units
    value_and_gradient : LossFunction
        Value of each sequence, nan where it has none, in SI units.
    is_smooth : whether the gradient says how to meet the limit
    is_bound : whether the bounds of a search keep it, so that it takes no price on the way
    """

    name: str
    limit: Range
    value_and_gradient: LossFunction
    factor: float = 1.0
    is_smooth: bool = True
    is_bound: bool = False

    def excess(
        self, value: Float[Tensor, "*batch"]
    ) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch"]]:
        """By which part of the bound it is missed, 0 where it is met, and the derivative by the value.

        What has no value misses a lower bound by all of it.
        """
        low, high, had = self.limit.low, self.limit.high, value.nan_to_num(0.0)
        below = 1 - had / low if low else -torch.ones_like(had)
        above = had / high - 1
        slope = (above > 0).to(had.dtype) / high - (below > 0).to(had.dtype) / (low or 1.0)
        return torch.maximum(below, above).clamp(min=0), torch.where(value.isnan(), 0.0, slope)

    def wish(self, value: float) -> Wish:
        """The wish that a value in SI units meets or not."""
        low, high = self.limit.low, self.limit.high
        bounds = {
            "low": self._in_file(low) if low else None,
            "high": self._in_file(high) if math.isfinite(high) else None,
        }
        met = float(self.excess(torch.tensor(value, dtype=torch.float64))[0]) <= ALLOWED
        if math.isnan(value):
            return Wish(self.name, met, **bounds)
        margin = min(value - low if low else math.inf, high - value)
        return Wish(self.name, met, self._in_file(value), **bounds, margin=self._in_file(margin))

    def _in_file(self, value: float) -> float:
        """In the unit of the file, without the rounding of the conversion."""
        return float(f"{value * self.factor:.12g}")


def measures(
    limits: Limits,
    tissues: list[str],
    voxels: Voxels,
    engine: str,
    kinds: Mapping[str, Kind],
    find: FindStructures | None = None,
) -> list[Measure]:
    """All that is limited but the given pulses, signals over some voxels.

    Parameters
    ----------
    tissues : names, in the order of the voxels' indices
    kinds : of pulse, by name
    find : how structures are found, for TE and TI; exactly if not given
    """
    ms, find = FILE_UNITS["s"][1], find or exact_structures
    largest = None if math.isinf(limits.max_flip) else Range(high=limits.max_flip)
    candidates: list[tuple[str, Range | None, LossFunction, float, bool]] = [
        ("time_to_readout_ms", limits.time_to_readout, _time_to_readout, ms, True),
        ("te_ms", limits.te, partial(_te, limits.te_readout, find), ms, True),
        ("ti_ms", limits.ti, partial(_ti, find), ms, True),
        ("relative_rf_energy", limits.relative_rf_energy, _relative_rf_energy, 1.0, True),
        ("max_flip_deg", largest, _largest_flip, FILE_UNITS["rad"][1], False),
        ("n_rf", limits.n_rf, _n_rf, 1.0, False),
    ]
    found = [
        Measure(name, limit, of, factor, is_smooth)
        for name, limit, of, factor, is_smooth in candidates
        if limit is not None
    ]
    for each in limits.signal:
        index = tissues.index(each.tissue)
        mine = voxels.of_tissues((index,))
        for kind, limit in ((mean_signal, each.mean), (percentile_95, each.percentile_95)):
            if limit is not None:
                objective = Objective((Term(kind.name, kind, 1.0),))
                of = Simulator(mine, objective, engine, kinds=kinds).loss_and_gradient
                found.append(Measure(f"signal.{each.tissue}.{kind.name}", limit, of))
    return found


def wishes(limits: Limits, measured: list[Measure], sequence: Sequence) -> tuple[Wish, ...]:
    """Every limit on a single sequence, the given pulses last."""
    found = [each.wish(float(each.value_and_gradient(sequence)[0])) for each in measured]
    if limits.head is not None:
        found.append(Wish("head", limits.frame.keeps(sequence, "head")))
    if limits.tail is not None:
        found.append(Wish("tail", limits.frame.keeps(sequence, "tail")))
    return tuple(found)


def unmet_text(wishes: Iterable[Wish]) -> str:
    """What stands in the way of a design, in words."""
    asked = [f"{wish.name} {wish.asked} (the nearest has {wish.found})" for wish in wishes if not wish.met]
    return f"no design found meets {' and '.join(asked)}"


def exact_structures(sequence: Sequence) -> list[Structure]:
    """Structures of sequences [*batch], of several readouts of the earliest."""
    flat = sequence.flat()
    first = flat.readout_times.argmin(-1).tolist()
    return [find_structure(flat[row], readout=readout) for row, readout in enumerate(first)]


@term("mean", kernel=lambda *_: KernelForm(linear=1.0))
def mean_signal(magnitude: Tensor, sequence: Sequence, voxels: Voxels) -> Tensor:
    """Mean of |Mxy| over voxels [a.u.]."""
    return weighted_mean(magnitude, voxels.weight)


@term("percentile_95")
def percentile_95(magnitude: Tensor, sequence: Sequence, voxels: Voxels) -> Tensor:
    """95th percentile of |Mxy| over voxels [a.u.]."""
    return magnitude.quantile(0.95, dim=-1)


def _gradient(sequence: Sequence, **by: Tensor) -> Sequence:
    """Derivatives, zero by whatever is not given."""
    return sequence.with_columns(
        {name: by.get(name, torch.zeros_like(part)) for name, part in sequence.columns().items()}
    )


def _present(sequence: Sequence) -> Tensor:
    present = torch.ones_like(sequence.flip_angle) if sequence.present is None else sequence.present
    return present.to(sequence.flip_angle.dtype)


def _time_to_readout(sequence: Sequence) -> tuple[Tensor, Sequence]:
    return sequence.time_to_readout, _gradient(sequence, delay=sequence.counts_to_readout)


def _te(readout: int, find: FindStructures, sequence: Sequence) -> tuple[Tensor, Sequence]:
    """TE of a readout [s], by their order in time: that of the first, and the time from there."""
    counts = _counts("te_counts", find, sequence)
    if sequence.layout is not None:
        times = counts.new_tensor(readout_multiples(sequence.layout))
        has_te, order = (counts != 0).any(-1, keepdim=True), sequence.readout_times.argsort(-1)
        since_first = times[order[..., readout - 1]] - times[order[..., 0]]
        counts = torch.where(has_te, counts + since_first, counts)
    return _time_of(counts, sequence)


def _ti(find: FindStructures, sequence: Sequence) -> tuple[Tensor, Sequence]:
    return _time_of(_counts("ti_counts", find, sequence), sequence)


def _counts(name: str, find: FindStructures, sequence: Sequence) -> Float[Tensor, "*batch n_delay"]:
    """How often the time contains each delay; 0 where there is none."""
    counts = sequence.delay.new_zeros(sequence.batch_shape.numel(), sequence.delay.shape[-1])
    for row, structure in zip(counts, find(sequence), strict=True):
        found = getattr(structure, name)
        row[: len(found)] = torch.tensor(found, dtype=row.dtype)
    return counts.reshape(sequence.delay.shape)


def _time_of(counts: Float[Tensor, "*batch n_delay"], sequence: Sequence) -> tuple[Tensor, Sequence]:
    """Time that contains the delays so often [s], linear in them as long as the structure stays."""
    value = (counts * sequence.delay).sum(-1)
    return torch.where((counts != 0).any(-1), value, math.nan), _gradient(sequence, delay=counts)


def _relative_rf_energy(sequence: Sequence) -> tuple[Tensor, Sequence]:
    slope = 2 * sequence.flip_angle * _present(sequence) / CONVENTIONAL_RF_ENERGY
    return sequence.rf_energy / CONVENTIONAL_RF_ENERGY, _gradient(sequence, flip_angle=slope)


def _largest_flip(sequence: Sequence) -> tuple[Tensor, Sequence]:
    flip = sequence.flip_angle.abs() * _present(sequence)
    return pad(flip, (0, 1)).amax(-1), _gradient(sequence)  # 0 of no pulse


def _n_rf(sequence: Sequence) -> tuple[Tensor, Sequence]:
    return n_apart(sequence).to(sequence.delay.dtype), _gradient(sequence)


def _short(value: float) -> str:
    """Four digits, without an exponent where there are more before the point."""
    return f"{value:.0f}" if abs(value) >= 1e4 else f"{value:.4g}"
