"""How sensitive a design is: what a small error of each parameter changes, and which voxels do worst."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, cast

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

from sequence_search.analysis.errors import GAIN, Error, Where, errors_of, with_error
from sequence_search.engines.simulator import Simulator
from sequence_search.objective import Objective, Prepared
from sequence_search.problem.problem import Problem
from sequence_search.pulses.kinds import Kind
from sequence_search.pulses.slices import IN_REPORT
from sequence_search.sequence import Sequence
from sequence_search.strategies.evaluator import CHECK_N_PER_TISSUE, CHECK_SEED
from sequence_search.tissue import Imaging, Tissue
from sequence_search.voxels import TISSUE_PROPERTIES, Voxels

WORST_SHARE = 0.01  # of a tissue's voxels
# A trait is told of the worst voxels if this part of them has it, and less than half of all voxels.
PART_WITH_TRAIT = 0.9
MOST_TRAITS = 2
# By which voxels differ: name and unit in tables, and the factor to it.
TRAITS = {
    "b1": ("b1", "", 1.0),
    "b0": ("b0", "Hz", 1.0),
    "t1": ("T1", "ms", 1e3),
    "t2": ("T2", "ms", 1e3),
    "t2_prime": ("T2'", "ms", 1e3),
    "spread": ("spread", "Hz", 1.0),
}


@dataclass(frozen=True, slots=True)
class Effect:
    """What an error changes, where the parameter is (lower, higher) by it; exact, not linearised.

    Attributes
    ----------
    pulse : counted from 1, of like pulses of a train the first; None: of all pulses at once
    parameter, error : such as "flip_angle" and "1 %"; "tr" is the repetition time
    loss : change of the loss over the standard ensemble
    signal : change of each tissue's mean |Mxy| [unit of m0]
    last_pulse : of like pulses of a train, which err alike, and of a delay that stands after each; else None
    """

    pulse: int | None
    parameter: str
    error: str
    loss: tuple[float, float]
    signal: dict[str, tuple[float, float]]
    last_pulse: int | None = None


@dataclass(frozen=True, slots=True)
class Trait:
    """What sets voxels apart: a property below or above a bound, or further than it from the centre.

    Attributes
    ----------
    name, unit : as "T1" and "ms"; b1 has no unit
    side : "below", "above", or "off" by more than the bound from the centre
    bound, centre : in that unit; the centre is that of the property's distribution
    share : of all voxels of the tissue that have it
    """

    name: str
    unit: str
    side: Literal["below", "above", "off"]
    bound: float
    centre: float
    share: float

    def __str__(self) -> str:
        """As "b1 below 0.82" or "b0 more than 45 Hz from 0 Hz"."""
        bound, centre = (f"{value:.4g} {self.unit}".rstrip() for value in (self.bound, self.centre))
        if self.side == "off":
            return f"{self.name} more than {bound} from {centre}"
        return f"{self.name} {self.side} {bound}"


@dataclass(frozen=True, slots=True)
class WorstVoxels:
    """The worst percent of a tissue: the voxels whose |Mxy| / M0 is furthest to the side that costs loss.

    Attributes
    ----------
    side : "least" or "most" signal, whichever the loss rises with
    efficiency, of_all : mean |Mxy| / M0 of these and of all voxels of the tissue
    traits : what nine in ten of them have and less than half of all, the rarest first
    """

    tissue: str
    side: Literal["least", "most"]
    efficiency: float
    of_all: float
    traits: tuple[Trait, ...]


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What small errors change in a design, and which voxels do worst; the worst tissue first.

    Attributes
    ----------
    loss, signal : of the design itself, over the standard ensemble; mean |Mxy| of each tissue
    """

    loss: float
    signal: dict[str, float]
    effects: tuple[Effect, ...]
    worst: tuple[WorstVoxels, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with the traits in words too."""
        record = asdict(self)
        for effect in record["effects"]:
            if effect["last_pulse"] is None:
                del effect["last_pulse"]
        for voxels, plain in zip(self.worst, record["worst"], strict=True):
            for trait, entry in zip(voxels.traits, plain["traits"], strict=True):
                entry["text"] = str(trait)
        return record


def sensitivity(problem: Problem, sequence: Sequence, engine: str = "auto") -> Sensitivity:
    """Change of loss and signals for an error of each parameter of a single sequence, and its worst voxels.

    Each pulse's flip angle is changed by 1 % and 1°, its phase by 1° and its delay by 1 % and 0.1 ms, to
    either side, and b1 by 1 %, thus the flip angles of all pulses together, as an error of the transmit gain
    does, also to terms of B1. Bounds of the search space do not count: an error knows none.

    Of a layout the like pulses of a train err alike, a delay that stands in several intervals in all of them,
    and TR stays, but for an error of its own. A kind of fixed amplitude has no flip angle to err in, and
    counts with b1.

    Raises
    ------
    ValueError
        If it is a batch, or cannot be played in the problem.
    """
    single = problem.playable(sequence)
    voxels = problem.voxels()
    simulator = problem.simulator(voxels, engine, IN_REPORT)
    right = Prepared(problem.objective, voxels, problem.pulses)

    def achieved(
        one: Sequence, of: Simulator = simulator, turned: Sequence | None = None, prepared: Prepared = right
    ) -> Float[Tensor, " quantities"]:
        """Loss, as of pulses that turned so, then the mean signal of each tissue."""
        signal, costing = of.signal(one), one if turned is None else turned
        means = [signal.abs()[..., voxels.tissue == i].mean() for i in range(len(problem.tissues))]
        return torch.stack([prepared.loss(signal, costing, of.slopes(one)), *means])

    names, effects = [tissue.name for tissue in problem.tissues], list[Effect]()

    def add(where: Where, error: Error, both: list[Float[Tensor, " quantities"]]) -> None:
        loss, *signal = torch.stack([each - own for each in both], 1).tolist()
        by_tissue = {name: (lower, higher) for name, (lower, higher) in zip(names, signal, strict=True)}
        first, last = where
        effects.append(Effect(first, error.column, error.text, (loss[0], loss[1]), by_tissue, last))

    with torch.no_grad():
        own = achieved(single)
        if len(single.flip_angle) > 1:
            both = []
            for gain in (1 - GAIN.part, 1 + GAIN.part):
                field = problem.simulator(replace(voxels, b1=gain * voxels.b1), engine, IN_REPORT)
                turned = replace(single, flip_angle=gain * single.flip_angle)
                kinds = {name: _amplified(kind, gain) for name, kind in problem.pulses.items()}
                both.append(achieved(single, field, turned, replace(right, kinds=kinds)))
            add((None, None), GAIN, both)
        for where, error, change in errors_of(single, problem.pulses):
            wrong = [with_error(single, error, change, side) for side in (-1, 1)]
            add(where, error, [achieved(each) for each in wrong])
    means = dict(zip(names, own[1:].tolist(), strict=True))
    return Sensitivity(float(own[0]), means, tuple(effects), worst_voxels(problem, single, engine))


def _amplified(kind: Kind, gain: float) -> Kind:
    """A kind of fixed amplitude at a gain, whose B1 follows from no flip angle; any other as it is."""
    fixed = cast(Any, kind)
    return kind if kind.fixed_flip is None else cast(Kind, replace(fixed, peak_b1=gain * fixed.peak_b1))


def worst_voxels(problem: Problem, sequence: Sequence, engine: str = "auto") -> tuple[WorstVoxels, ...]:
    """The worst percent of each tissue on which the loss depends, the tissue first where that costs most.

    The voxels are 4,096 of each tissue, at as many places across a slice as a search takes. A tissue's side
    is that to which the loss rises with its signal, the mean over several readouts; a crlb has none.
    """
    single = problem.playable(sequence)
    voxels = problem.voxels(CHECK_N_PER_TISSUE, seed=CHECK_SEED)
    with torch.no_grad():
        signal = problem.simulator(voxels, engine).signal(single)
    # What an estimate's error would be of another signal alone is not told by the signal.
    terms = tuple(term for term in problem.objective.terms if term.estimate is None)
    slopes = _slopes(Prepared(Objective(terms), voxels, problem.pulses), signal, single)
    found: list[tuple[float, WorstVoxels]] = []
    for index, tissue in enumerate(problem.tissues):
        mine = voxels.tissue == index
        slope = float(slopes[..., mine].sum())
        if slope != 0:
            efficiency = (signal.abs() / voxels.m0)[..., mine].reshape(-1, int(mine.sum())).mean(0)
            count = max(1, round(WORST_SHARE * len(efficiency)))
            places = (efficiency if slope > 0 else -efficiency).topk(count).indices
            worst, mean = float(efficiency[places].mean()), float(efficiency.mean())
            side: Literal["least", "most"] = "most" if slope > 0 else "least"
            traits = _traits(voxels[mine], places, _centres(tissue, problem.imaging))
            found.append((slope * (worst - mean), WorstVoxels(tissue.name, side, worst, mean, traits)))
    return tuple(each for _, each in sorted(found, key=lambda pair: -pair[0]))


def _slopes(
    prepared: Prepared, signal: Complex[Tensor, "*readouts n_voxels"], single: Sequence
) -> Float[Tensor, "*readouts n_voxels"]:
    """Derivative of the loss by each voxel's |Mxy|, at each readout."""
    leaf = signal.clone().requires_grad_()
    with torch.enable_grad():
        # An objective of costs alone does not depend on the signal.
        loss = sum(prepared.parts(leaf, single).values()) + 0.0 * leaf.real.sum()
    (by_signal,) = torch.autograd.grad(loss, leaf)
    slopes: Tensor = (by_signal * signal.sgn().conj()).real
    return slopes


def _centres(tissue: Tissue, imaging: Imaging) -> dict[str, float]:
    """Centre of each property of the tissue's voxels."""
    owners = {key: tissue if key in TISSUE_PROPERTIES else imaging for key in TRAITS}
    centres = {key: float(getattr(owner, key).centre) for key, owner in owners.items()}
    return centres | {"b0": centres["b0"] + tissue.b0.centre}


def _traits(voxels: Voxels, worst: Int[Tensor, " worst"], centres: dict[str, float]) -> tuple[Trait, ...]:
    """What sets the voxels at these places apart from all."""
    found = []
    for key, (name, unit, factor) in TRAITS.items():
        every, centre = getattr(voxels, key), centres[key]
        if not torch.isfinite(every).all() or bool((every == every[0]).all()):
            continue
        heights: dict[Literal["below", "above", "off"], Tensor]
        heights = {"below": -every, "above": every, "off": (every - centre).abs()}
        for side, height in heights.items():
            bound = float(height[worst].quantile(1 - PART_WITH_TRAIT))
            share = float((height >= bound).double().mean())
            bound = factor * (-bound if side == "below" else bound)
            found.append(Trait(name, unit, side, bound, factor * centre, share))
    told: list[Trait] = []
    for trait in sorted(found, key=lambda trait: trait.share):
        if trait.share < 0.5 and trait.name not in {other.name for other in told}:
            told.append(trait)
    return tuple(told[:MOST_TRAITS])
