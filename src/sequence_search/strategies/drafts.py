"""Real sequences as a search changes them: each pulse with its kind, and the gradient until the next."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Complex, Float
from torch import Tensor

from sequence_search.acquisition import Acquisition
from sequence_search.columns import Column
from sequence_search.engines.simulator import Simulator
from sequence_search.layout import HARD, SPOILER, Layout
from sequence_search.limits import Range
from sequence_search.problem.problem import Problem
from sequence_search.search_space import GRADIENTS, NO_GRADIENT, SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

NONE, CRUSHED, SPOILED = range(len(GRADIENTS))
LEAST_REST = 1e-4  # from the last readout to the end of the repetition [s]


def has_choice(space: SearchSpace) -> bool:
    """Whether a search has more to choose than flip angles, phases and delays."""
    return space.pulses != (HARD,) or space.gradients != (NO_GRADIENT,)


def gradient_codes(space: SearchSpace) -> list[int]:
    """What a draft's gradients may be."""
    return [GRADIENTS.index(name) for name in space.gradients]


def _as_it_is(number: Tensor) -> Tensor:
    return number


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Draft(Sequence):
    """Sequences without a layout, with what their layouts follow from, pulse by pulse.

    Attributes
    ----------
    kind : tensor [*batch, n_rf], place of the pulse's kind in `search_space.pulses`
    gradient : tensor [*batch, n_rf], of the interval after the pulse: 0 none, 1 a crusher, 2 a spoiler
    shortest : tensor [*batch, n_rf], least delay after the pulse [s]
    """

    COLUMNS = (
        *Sequence.COLUMNS,
        *(Column(name, name, _as_it_is, _as_it_is) for name in ("kind", "gradient", "shortest")),
    )

    kind: Float[Tensor, "*batch n_rf"] = field(kw_only=True)
    gradient: Float[Tensor, "*batch n_rf"] = field(kw_only=True)
    shortest: Float[Tensor, "*batch n_rf"] = field(kw_only=True)


def shortest_delay(sequence: Sequence, space: SearchSpace) -> Float[Tensor, "*batch n_rf"]:
    """Least delay after each pulse [s]."""
    least = torch.full_like(sequence.delay, space.min_rf_delay)
    return sequence.shortest.maximum(least) if isinstance(sequence, Draft) else least


class Expansion(NamedTuple):
    """How the numbers of a draft [n_rf] become those of its sequence.

    Attributes
    ----------
    layout : Layout
    pulse : which pulse of the draft each of the sequence is [layout.n_rf]
    delay : which delay of the draft each of the sequence is, but for the rest of a repetition
    total : how often each delay of the draft counts up to the last readout [n_rf]
    """

    layout: Layout
    pulse: np.ndarray
    delay: np.ndarray
    total: np.ndarray


@dataclass(frozen=True)
class Playing:
    """What all sequences of a problem have in common, beyond their pulses.

    Attributes
    ----------
    kinds : names of the kinds of pulse, by place
    sides : least time from the centre of a pulse of each to whatever else is played [s]; None: it is free
    crusher : time of a crusher or spoiler [s]
    tr : repetition time [s], or inf
    n_echoes : readouts; above 1 the last pulse of a draft is that of a train, of twice the delay before
    shortest_delay : between instantaneous pulses [s]
    echo_spacing : least and largest [s]
    """

    kinds: tuple[str, ...] = ("hard",)
    sides: tuple[float | None, ...] = (None,)
    crusher: float = 0.0
    tr: float = math.inf
    n_echoes: int = 1
    shortest_delay: float = 0.0
    echo_spacing: tuple[float, float] = (0.0, math.inf)

    def expansion(self, kind: tuple[int, ...], gradient: tuple[int, ...]) -> Expansion:
        """Of a draft with these kinds and gradients."""
        return _expansion(self, kind, gradient)

    def bounded(self, sequence: Sequence) -> Draft:
        """Sequences as drafts, whose shortest delays follow from what they play, and no delay below them."""
        plain = torch.zeros_like(sequence.delay)
        if not isinstance(sequence, Draft):
            columns = cast(Any, sequence.columns())
            sequence = Draft(**columns, present=sequence.present, kind=plain, gradient=plain, shortest=plain)
        side = torch.tensor([self.shortest_delay / 2 if side is None else side for side in self.sides])
        own = side.to(plain)[sequence.kind.long()]
        after = torch.cat([own[..., 1:], plain[..., :1]], -1)
        gradient = _without_last_spoiler(sequence)
        shortest = (own + after + self.crusher * (gradient > 0)).clamp(min=self.shortest_delay)
        return replace(sequence, shortest=shortest, delay=sequence.delay.maximum(shortest), gradient=gradient)


def _without_last_spoiler(draft: Draft) -> Float[Tensor, "*batch n_rf"]:
    """Gradients but for a spoiler before the readout, which would leave nothing to read."""
    place, last = torch.arange(draft.gradient.shape[-1]), draft.n_rf[..., None] - 1
    return torch.where((place == last) & (draft.gradient == SPOILED), NONE, draft.gradient)


@cache
def _expansion(playing: Playing, kind: tuple[int, ...], gradient: tuple[int, ...]) -> Expansion:
    n_rf, steady = len(kind), playing.tr < math.inf
    kinds = [playing.kinds[place] for place in kind]
    played = [SPOILER if code == SPOILED else code for code in gradient]
    everyone = np.arange(n_rf)
    if playing.n_echoes == 1:
        layout = Layout.plain(n_rf, gradients=played, kinds=kinds, steady=steady)
        return Expansion(layout, everyone, everyone, np.ones(n_rf))
    before, n_echoes = n_rf - 2, playing.n_echoes
    layout = Layout.train(
        n_echoes,
        before=played[:before],
        crusher=int(gradient[before] != NONE),
        kinds=[*kinds[:-1], *[kinds[-1]] * n_echoes],
        steady=steady,
    )
    total = np.array([*[1.0] * before, 2.0 * n_echoes, 0.0])
    return Expansion(layout, np.append(everyone[:-1], [n_rf - 1] * n_echoes), everyone[:-1], total)


def with_fewer_gradients(sequence: Sequence) -> list[Sequence]:
    """A single draft without one or more of its gradients, those with the fewest left last."""
    if not isinstance(sequence, Draft):
        return []
    played = sequence.gradient.nonzero()[:, 0].tolist()
    fewer: list[Sequence] = []
    for count in range(1, len(played) + 1):
        for places in itertools.combinations(played, count):
            gradient = sequence.gradient.clone()
            gradient[list(places)] = NONE
            fewer.append(replace(sequence, gradient=gradient))
    return fewer


def playing_of(problem: Problem) -> Playing | None:
    """What a search plays beside flip angles, phases and delays; None if these are all.

    Raises
    ------
    ValueError
        If the repetition time or the echo spacing is a range.
    """
    space, acquisition = problem.search_space, problem.acquisition
    if not has_choice(space) and acquisition == Acquisition():
        return None
    tr, _ = acquisition.tr_bounds
    if isinstance(acquisition.tr, Range):
        raise ValueError(f"a search takes one repetition time: state tr_ms as a number in '{problem.name}'")
    kinds = [problem.pulses.get(name) for name in space.pulses]
    return Playing(
        kinds=space.pulses,
        sides=tuple(None if kind is None else kind.side for kind in kinds),
        crusher=space.crusher,
        tr=tr,
        n_echoes=acquisition.echoes,
        shortest_delay=space.min_rf_delay,
        echo_spacing=acquisition.echo_spacing_bounds,
    )


def simulator_of(problem: Problem, voxels: Voxels, engine: str) -> Simulator | DraftSimulator:
    """Simulator of a problem for what its search proposes, sequences or drafts."""
    simulator, playing = problem.simulator(voxels, engine), playing_of(problem)
    return simulator if playing is None else DraftSimulator(simulator, playing)


def played_as(simulator: Simulator | DraftSimulator, sequence: Sequence) -> Sequence:
    """The sequence that a proposal stands for: itself if it is no draft."""
    return simulator.play(sequence) if isinstance(simulator, DraftSimulator) else sequence


class DraftSimulator:
    """A `Simulator` of drafts, of which each is played as the sequence that it stands for."""

    def __init__(self, simulator: Simulator, playing: Playing) -> None:
        self._simulator, self._playing = simulator, playing

    def play(self, draft: Sequence) -> Sequence:
        """The sequence that a single draft stands for."""
        single = draft.without_padding().map(lambda part: part[None])
        ((_, rows, expansion),) = self._by_structure(single)
        return _expanded(self._playing, rows, expansion)[0]

    def signal(self, draft: Sequence) -> Complex[Tensor, "*batch n_signals"]:
        """Complex signals at all readouts of all voxels, 0 of what is no sequence."""
        flat = draft.flat()
        n_signals = len(self._simulator.voxels) * self._playing.n_echoes
        signal = torch.zeros(len(flat.delay), n_signals, dtype=torch.complex128)
        for places, rows, expansion in self._by_structure(flat):
            played = self._simulator.signal(_expanded(self._playing, rows, expansion))
            signal[places] = played.flatten(1).to(signal)
        return signal.reshape(*draft.batch_shape, -1)

    def parts(self, draft: Sequence) -> dict[str, Float[Tensor, "*batch"]]:
        """Weighted part of each term of the objective by name, inf of what is no sequence."""
        flat = draft.flat()
        parts: dict[str, Tensor] = {}
        for places, rows, expansion in self._by_structure(flat):
            for name, part in self._simulator.parts(_expanded(self._playing, rows, expansion)).items():
                whole = parts.setdefault(name, torch.full((len(flat.delay),), math.inf, dtype=part.dtype))
                whole[places] = part
        return {name: part.reshape(draft.batch_shape) for name, part in parts.items()}

    def most_at_once(self, n_rf: int, n_signals: int) -> int:
        """As of the simulator."""
        return self._simulator.most_at_once(n_rf, n_signals // self._playing.n_echoes)

    def loss(self, draft: Sequence) -> Float[Tensor, "*batch"]:
        """Objective of each draft."""
        return self.loss_and_gradient(draft)[0]

    def loss_and_gradient(self, draft: Sequence) -> tuple[Float[Tensor, "*batch"], Sequence]:
        """Loss [*batch], inf of what is no sequence, and its derivatives by the columns of the drafts."""
        flat = draft.flat()
        loss = torch.full((len(flat.delay),), math.inf, dtype=flat.delay.dtype)
        slopes = {name: torch.zeros_like(part) for name, part in flat.columns().items()}
        for places, rows, expansion in self._by_structure(flat):
            values, played = self._simulator.loss_and_gradient(_expanded(self._playing, rows, expansion))
            loss[places] = values.to(loss)
            n_rf = rows.delay.shape[-1]
            for name, part in _pulled_back(self._playing, rows, expansion, played).items():
                slopes[name][places, :n_rf] = part
        shape = draft.batch_shape
        by_column = {name: part.reshape(*shape, -1) for name, part in slopes.items()}
        return loss.reshape(shape), draft.with_columns(by_column)

    def _by_structure(self, flat: Draft) -> list[tuple[np.ndarray, Draft, Expansion]]:
        """Drafts of each structure, their places, and how they expand; not those that are no sequence.

        These have too few pulses for a train, or do not fit into the repetition.
        """
        found: dict[tuple[Any, ...], list[int]] = {}
        n_rf = flat.n_rf.tolist()
        kinds, gradients = flat.kind.int().tolist(), flat.gradient.int().tolist()
        for place, (count, kind, gradient) in enumerate(zip(n_rf, kinds, gradients, strict=True)):
            if count >= (1 if self._playing.n_echoes == 1 else 2):
                found.setdefault((tuple(kind[:count]), tuple(gradient[:count])), []).append(place)
        groups = []
        for (kind, gradient), places in found.items():
            columns = {name: part[places, : len(kind)] for name, part in flat.columns().items()}
            rows, expansion = Draft(**cast(Any, columns)), self._playing.expansion(kind, gradient)
            if float(rows.shortest[0] @ torch.from_numpy(expansion.total)) <= self._playing.tr - LEAST_REST:
                groups.append((np.array(places), rows, expansion))
        return groups


def _expanded(playing: Playing, draft: Draft, expansion: Expansion) -> Sequence:
    """Sequences of drafts of one structure; those too long for the repetition are shortened to fit."""
    delay = draft.delay
    if expansion.layout.steady:
        delay = draft.shortest + _fit(playing, draft, expansion) * (delay - draft.shortest)
        rest = playing.tr - delay @ torch.from_numpy(expansion.total)
        delay = torch.cat([delay[..., expansion.delay], rest[..., None]], -1)
    else:
        delay = delay[..., expansion.delay]
    return Sequence(
        draft.flip_angle[..., expansion.pulse],
        draft.phase[..., expansion.pulse],
        delay,
        layout=expansion.layout,
    )


def _fit(playing: Playing, draft: Draft, expansion: Expansion) -> Float[Tensor, "*batch 1"]:
    """Part of what delays have beyond the shortest that fits into the repetition."""
    total = torch.from_numpy(expansion.total)
    room = playing.tr - LEAST_REST - draft.shortest @ total
    beyond = (draft.delay - draft.shortest) @ total
    return torch.where(beyond > room, room / beyond, 1.0)[..., None]


def _pulled_back(
    playing: Playing, draft: Draft, expansion: Expansion, played: Sequence
) -> Mapping[str, Float[Tensor, "batch n_rf"]]:
    """Derivatives by flip angles, phases and delays of drafts, from those by their sequences'."""
    pulse = torch.from_numpy(expansion.pulse)
    flip, phase, delay = (torch.zeros_like(draft.delay) for _ in range(3))
    flip.index_add_(-1, pulse, played.flip_angle)
    phase.index_add_(-1, pulse, played.phase)
    n_delay = len(expansion.delay)
    delay.index_add_(-1, torch.from_numpy(expansion.delay), played.delay[..., :n_delay])
    if expansion.layout.steady:
        total = torch.from_numpy(expansion.total)
        delay = delay - played.delay[..., n_delay:] * total
        scale, beyond = _fit(playing, draft, expansion), draft.delay - draft.shortest
        along = (delay * beyond).sum(-1, keepdim=True) / (beyond @ total)[..., None]
        delay = torch.where(scale == 1, delay, scale * (delay - along * total))
    return {"flip_angle": flip, "phase": phase, "delay": delay}
