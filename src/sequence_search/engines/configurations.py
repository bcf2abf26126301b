"""Reference engine: configurations, states of equal dephasing, for whatever a `Layout` can say.

The magnetisation of a spin depends on its frequency f within the voxel and on its place x along the crusher.
It is followed as a Fourier series in both,

    Mxy = sum over q of F(q) e(q),  Mz = sum over q of Z(q) e(q),  e(q) = exp(2 pi i (f tau + x moment)),

with names q = (moment, count of each delay) of whole numbers, and tau the sum of counts times delays. So

- a pulse mixes F(q), F(-q)* and Z(q);
- an interval multiplies F by exp(-t/T2 + 2 pi i b0 t) and Z by exp(-t/T1), lets Z(0) recover, and renames F:
  its crusher moment and its delays are added to q. A spoiler ends all F, since nothing refocuses them;
- the mean over the voxel is the sum over the states of moment 0, each times the mean of exp(2 pi i f tau),
  exp(-|tau|/T2') sinc(2 spread tau).

States of one name are one, whatever their past: with all delays free they are the coherence pathways, in a
train of equal delays the extended phase graph.

A pulse of a kind is Rz(after) Rx(angle) Rz(before) about its centre, in each voxel and at each place across
the slice; one of a fixed amplitude leaves Mz times its efficiency, see `pulses.slices.inversion_efficiency`.

In the steady state the transverse magnetisation at the end of the repetition is spoiled, and the longitudinal
counts as its mean over the voxel, or at the place. It is a Mz + b for an Mz at the start, so that there
Mz = b / (1 - a).

Source: Weigel, "Extended phase graphs: dephasing, RF pulses, and echoes - pure and simple",
J Magn Reson Imaging 41 (2015); DOI 10.1002/jmri.24619.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Complex, Float
from torch import Tensor

from sequence_search.engines.bloch import dephasing, longitudinal_decay, precession, refocused, rotation
from sequence_search.engines.configuration_state import ConfigurationState, States, negative
from sequence_search.engines.shaped import Pulse, pulses_of
from sequence_search.layout import HARD, SPOILER, Gradient, Layout, Multiples
from sequence_search.pulses.kinds import Kind
from sequence_search.pulses.slices import IN_SEARCH, MIDDLE, Places, places, selects_slice
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

MAX_AMPLITUDES = 10**8  # of the transverse states of a batch and its voxels: 1.6 GB, and some times that
STATE_COST = 1000  # amplitudes that take as long as one state does, however few it has


@dataclass(frozen=True, slots=True)
class Configurations:
    """The engine for one set of voxels; its state is a `ConfigurationState`.

    Attributes
    ----------
    voxels : Voxels
    kinds : mapping of name to Kind
        Of the pulses that are not "hard".
    n_places : int
        Across a slice that a pulse selects.
    """

    voxels: Voxels
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    n_places: int = IN_SEARCH

    def magnetization(
        self, sequence: Sequence, mz: float | Tensor = 1.0
    ) -> tuple[Complex[Tensor, "batch n_readouts n_voxels"], Float[Tensor, "batch n_readouts n_voxels"]]:
        """Mxy and Mz at each readout, in units of M0.

        Parameters
        ----------
        sequence : Sequence [batch, n_rf]
            With one pulse or more, without padding.
        mz : float or tensor [n_voxels]
            Before the first pulse; a steady layout has its own.

        Raises
        ------
        ValueError
            If there are too many states to follow, or a kind is not given.
        """
        pulses = self._pulses(sequence)
        states = list(self._play(sequence, pulses, self._start(sequence, pulses, mz)))
        return self.across_slice(_layout(sequence), *self.at_readouts(sequence, states))

    def states(self, sequence: Sequence) -> list[ConfigurationState]:
        """State just after each pulse, with what reaches no readout too; of a steady layout its own."""
        pulses = self._pulses(sequence)
        return list(self._play(sequence, pulses, self._start(sequence, pulses, 1.0), every_moment=True))

    def at_readouts(
        self, sequence: Sequence, states: list[ConfigurationState]
    ) -> tuple[Complex[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Mxy and Mz of the states after each pulse, [batch, n_readouts, n_voxels, n_places]."""
        readings = [
            self._read(states[each.pulse], states[each.pulse].time(each.multiples), each.gradient)
            for each in _layout(sequence).readouts
        ]
        mxy, along = (torch.stack(part, 1) for part in zip(*readings, strict=True))
        return mxy, along

    def evolve(
        self, sequence: Sequence, times: Float[Tensor, " n_times"]
    ) -> tuple[Complex[Tensor, "n_times n_voxels"], Float[Tensor, "n_times n_voxels"]]:
        """Mxy and Mz of a batch of one over the time [s] from the first pulse, in units of M0.

        A crusher is played evenly up to a readout, and from there to the next pulse; a spoiler just before
        the next pulse. What is read between is the mean over the voxel; derivatives leave the course of the
        crusher as it is.
        """
        layout, states = _layout(sequence), self.states(sequence)
        starts, readings = torch.cat([state.elapsed for state in states]), []
        for time in times:
            pulse = int((starts <= time).sum()) - 1
            since = time - starts[pulse : pulse + 1]
            moment = layout.moment_at(pulse, sequence.delay[0].tolist(), float(since.detach()))
            readings.append(self._read(states[pulse], since, moment))
        mxy, along = (torch.cat(part) for part in zip(*readings, strict=True))
        return self.across_slice(layout, mxy, along)

    def _start(self, sequence: Sequence, pulses: list[Pulse], mz: float | Tensor) -> float | Tensor:
        """Mz before the first pulse: as given, or that of the steady state."""
        layout, ends = _layout(sequence), []
        if not layout.steady:
            return mz[:, None] if isinstance(mz, Tensor) else mz
        for start in (0.0, 1.0):
            *_, last = self._play(sequence, pulses, start)
            ends.append(self._read(last, last.time(layout.multiples[-1]))[1])
        return ends[0] / (1 - (ends[1] - ends[0]))

    def _pulses(self, sequence: Sequence) -> list[Pulse]:
        names, place = _layout(sequence).kinds, self._places(_layout(sequence)).place
        return pulses_of(sequence.flip_angle, names, self.kinds, self.voxels, place)

    def _play(
        self, sequence: Sequence, pulses: list[Pulse], mz: float | Tensor, every_moment: bool = False
    ) -> Iterator[ConfigurationState]:
        """Yield the state just after each pulse; what can reach no readout in it only if wanted."""
        layout, delay = _layout(sequence), sequence.delay
        n_places = len(self._places(layout).place)
        along = self.voxels.b1.new_ones(len(delay), len(self.voxels), n_places) * mz
        start = {(0,) * (1 + layout.n_delay): torch.complex(along, torch.zeros_like(along))}
        state = ConfigurationState({}, start, delay, delay.new_zeros(len(delay)))
        for k, (pulse, phase) in enumerate(zip(pulses, sequence.phase.unbind(1), strict=True)):
            if k > 0:
                state = self._wait(state, layout.multiples[k - 1], layout.gradients[k - 1])
            if not every_moment:
                state = state.within(_most_moment(layout, k))
            state = self._pulse(state.turned(pulse.before), pulse.angle, phase).turned(pulse.after)
            if pulse.efficiency is not None:
                left = {name: part * pulse.efficiency for name, part in state.longitudinal.items()}
                state = replace(state, longitudinal=left)
            yield state

    def _pulse(
        self,
        state: ConfigurationState,
        angle: Float[Tensor, "batch n_voxels n_places"],
        phase: Float[Tensor, " batch"],
    ) -> ConfigurationState:
        """Mix F(q), F(-q)* and Z(q) by a rotation about an axis in the xy plane."""
        turn = rotation(angle, phase[:, None, None])
        names = {*state.transverse, *state.longitudinal}
        names |= {negative(name) for name in names}
        self._check(len(names), next(iter(state.longitudinal.values())).shape)
        nothing, transverse, longitudinal = turn.keep.new_zeros(()), {}, {}
        for name in names:
            same = state.transverse.get(name, nothing)
            mirrored = state.transverse.get(negative(name), nothing).conj()
            along = state.longitudinal.get(name, nothing)
            transverse[name] = turn.stay * same + turn.conjugate * mirrored + turn.excite * along
            stored = (turn.store * same - turn.store.conj() * mirrored) / 2j  # Im(x) = (x - x*) / 2i
            longitudinal[name] = turn.keep * along + stored
        return replace(state, transverse=transverse, longitudinal=longitudinal)

    def _wait(
        self, state: ConfigurationState, multiples: Multiples, gradient: Gradient
    ) -> ConfigurationState:
        """Let an interval pass: precession, relaxation, and new names of what is transverse."""
        time = state.time(multiples)
        turn = precession(time[:, None, None], self.voxels.t2[:, None], self.voxels.b0[:, None])
        transverse = {}
        if gradient != SPOILER:
            passed = (gradient, *multiples)
            for name, part in state.transverse.items():
                transverse[tuple(map(operator.add, name, passed))] = part * turn
        decay = longitudinal_decay(time[:, None, None], self.voxels.t1[:, None])
        longitudinal = {name: part * decay for name, part in state.longitudinal.items()}
        origin = (0,) * (1 + len(multiples))
        longitudinal[origin] = longitudinal[origin] + 1 - decay
        return ConfigurationState(transverse, longitudinal, state.delay, state.elapsed + time)

    def _read(
        self, state: ConfigurationState, time: Float[Tensor, " batch"], moment: int | float = 0
    ) -> tuple[Complex[Tensor, "batch n_voxels n_places"], Float[Tensor, "batch n_voxels n_places"]]:
        """Mean of Mxy and Mz over the voxel, some time and crusher moment later."""
        mxy = self._mean(state, state.transverse, time, moment)
        along = self._mean(state, state.longitudinal, torch.zeros_like(time), 0).real
        turn = precession(time[:, None, None], self.voxels.t2[:, None], self.voxels.b0[:, None])
        return mxy * turn, 1 + (along - 1) * longitudinal_decay(time[:, None, None], self.voxels.t1[:, None])

    def _mean(
        self, state: ConfigurationState, parts: States, time: Float[Tensor, " batch"], moment: int | float
    ) -> Complex[Tensor, "batch n_voxels n_places"]:
        """Mean over the voxel of states that dephase for some time and crusher moment more."""
        cycles = {name: name[0] + moment for name in parts}
        left = [name for name in parts if cycles[name] == 0 or cycles[name] % 1 != 0]  # whole cycles are none
        if not left:
            return torch.zeros_like(next(iter(parts.values())))
        tau = state.delay.new_tensor([name[1:] for name in left]) @ state.delay.T + time
        tau = refocused(tau, state.elapsed + time)[..., None, None]
        weight = dephasing(tau, self.voxels.t2_prime[:, None], self.voxels.spread[:, None])
        along_crusher = weight.new_tensor([np.sinc(cycles[name]) for name in left])[:, None, None, None]
        return (torch.stack([parts[name] for name in left]) * along_crusher * weight).sum(0)

    def _places(self, layout: Layout) -> Places:
        """Places across the slice; a single one if no pulse selects it."""
        if missing := set(layout.kinds) - self.kinds.keys() - {HARD}:
            raise ValueError(f"kinds must hold {sorted(missing)}, got {sorted(self.kinds)}")
        if selects_slice(layout.kinds, self.kinds):
            return places(self.n_places)
        return places(MIDDLE)

    def across_slice(self, layout: Layout, mxy: Tensor, mz: Tensor) -> tuple[Tensor, Tensor]:
        """Mxy of a slice, in units of the M0 of one thickness, and its mean Mz."""
        place, weight = (torch.from_numpy(part).to(mz) for part in self._places(layout))
        inside = (place.abs() <= 0.5).to(mz)
        return (mxy * weight).sum(-1), (mz * inside).sum(-1) / inside.sum()

    def _check(self, n_names: int, lanes: torch.Size) -> None:
        """Refuse more states than memory and patience hold."""
        if n_names * max(lanes.numel(), STATE_COST) > MAX_AMPLITUDES:
            batch, n_voxels, n_places = lanes
            raise ValueError(
                f"at most {MAX_AMPLITUDES:.0e} amplitudes of at most {MAX_AMPLITUDES // STATE_COST:,} states"
                f" can be followed at once, got {n_names:,} states, a batch of {batch}, {n_voxels} voxels and"
                f" {n_places} places: tie delays, crush, or take fewer voxels"
            )


def _layout(sequence: Sequence) -> Layout:
    return sequence.layout or Layout.plain(sequence.flip_angle.shape[-1])


def _most_moment(layout: Layout, pulse: int) -> int:
    """Sum of the moments from a pulse on."""
    played = [0 if gradient == SPOILER else gradient for gradient in layout.gradients]
    for readout in layout.readouts:
        played[readout.pulse] = max(played[readout.pulse], readout.gradient)
    return sum(played[pulse:])
