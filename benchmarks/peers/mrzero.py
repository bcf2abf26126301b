"""MRzeroCore: the phase distribution graph, with torch's backward pass through its main pass.

The uniform spread within a voxel is a constant gradient across it: in a delay t the k-space position moves by
2 spread t cycles per voxel, and a box-shaped voxel weighs it with a sinc. So all of our physics is there,
provided that all voxels share the spread. Crushers and spoilers are gradients along the other two axes. Each
new sequence needs its own graph. The mean Mz that a repetition leaves is linear in the one that it begins
with: walked from none and from equilibrium, the graph tells the steady state of ideal spoiling.

The graph merges states that lie close in k-space and time, at a fixed resolution. Without a gradient, or with
one that is small against it, states of different clocks are merged, and signals of five pulses can be wrong
by 0.1 M0 and more. In voxels of 1 mm the states stay apart.
"""

from __future__ import annotations

import math
import warnings
from functools import partial
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from peers import Case, Contestant, Task, by_autograd
from sequence_search import Sequence
from sequence_search.layout import SPOILER, Layout
from sequence_search.voxels import Voxels

VOXEL_SIZE = 1e-3  # m


def prepare(case: Case) -> Task:
    """Single sequence, in float32 as is MRzeroCore's way; no state is dropped."""
    import MRzeroCore  # optional

    # The graph reads numbers off tensors that ask for gradients.
    warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad=True")
    spread = float(case.voxels.spread[0])
    if not bool((case.voxels.spread == spread).all()):
        raise ValueError("MRzeroCore's voxels must share one spread")
    data = _phantom(MRzeroCore, case.voxels)

    def signal(sequence: Sequence) -> Tensor:
        played = _played(MRzeroCore, sequence, spread)
        graph = MRzeroCore.compute_graph(played, data, max_state_count=10**9, min_state_mag=0.0)

        def walk(mz: Tensor | None) -> list[list[Tensor]]:
            _, states = MRzeroCore.execute_graph(
                graph,
                played,
                data,
                min_emitted_signal=0.0,
                min_latent_signal=0.0,
                print_progress=False,
                return_mag_adc=True,
                clear_state_mag=not sequence.is_steady,
                intitial_mag=mz,
            )
            return states

        start = None
        if sequence.is_steady:
            left = []
            for mz in (0.0, 1.0):
                walk(torch.full_like(data.PD, mz, dtype=torch.cfloat))
                left.append(_mean_mz(graph[-1], data))
            start = (left[0] / (1 - left[1] + left[0])).to(torch.cfloat)
        read = torch.cat([torch.stack(of_pulse).sum(0) for of_pulse in walk(start) if of_pulse])
        return read[None] if len(read) > 1 else read

    return Task(partial(signal, case.sequence), partial(by_autograd, signal, case))


def _phantom(mr0: ModuleType, voxels: Voxels) -> object:
    """All voxels at the origin, so that the gradient acts within them only."""
    n_voxels = len(voxels)
    m0, t1, t2, t2_prime, b1, b0 = (
        getattr(voxels, name).float() for name in ("m0", "t1", "t2", "t2_prime", "b1", "b0")
    )
    return mr0.SimData(
        PD=m0,
        T1=t1,
        T2=t2,
        T2dash=t2_prime,
        D=torch.zeros(n_voxels),
        B0=-b0,  # its precession has the other sense
        B1=b1[None],
        coil_sens=torch.ones(1, n_voxels),
        size=torch.ones(3),
        affine=torch.eye(4),
        voxel_pos=torch.zeros(n_voxels, 3),
        nyquist=torch.full((3,), math.inf),
        dephasing_func=lambda k, _: torch.sinc(VOXEL_SIZE * k[:, :3]).prod(-1),
    )


def _played(mr0: ModuleType, sequence: Sequence, spread: float) -> object:
    """One repetition a pulse, with a sample at each readout."""
    layout = sequence.layout or Layout.plain(sequence.flip_angle.shape[-1])
    flips, phases, delays = (
        part[0].float() for part in (sequence.flip_angle, sequence.phase, sequence.delay)
    )
    repetitions = []
    for i in range(layout.n_rf):
        pulse = mr0.Pulse.zero()
        pulse.angle, pulse.phase = flips[i], phases[i]
        crusher, spoiler = _moments(layout, i)
        read = [readout for readout in layout.readouts if readout.pulse == i]
        stops = [(readout.multiples, readout.gradient, 0, 1) for readout in read]
        if not read or read[-1].multiples != layout.multiples[i]:
            stops.append((layout.multiples[i], crusher, spoiler, 0))
        multiples, crushed, spoiled, sampled = (torch.tensor(part) for part in zip(*stops, strict=True))
        times = (multiples.float() @ delays).diff(prepend=torch.zeros(1))
        steps = [part.float().diff(prepend=torch.zeros(1)) for part in (crushed, spoiled)]
        moments = torch.stack([2 * spread * times, *steps], -1) / VOXEL_SIZE
        repetitions.append(mr0.Repetition(pulse, times, moments, torch.zeros(len(times)), sampled.int()))
    if layout.steady:  # a pulse of 0°, whose states are those at the end
        none = torch.zeros(1)
        repetitions.append(mr0.Repetition(mr0.Pulse.zero(), none, torch.zeros(1, 3), none, none.int()))
    return mr0.Sequence(repetitions, normalized_grads=False)


def _mean_mz(states: list[Any], data: Any) -> Tensor:
    """Mean over each voxel of the Mz that these states are; of each pair k and -k both are among them."""
    mean = torch.zeros_like(data.PD)
    for state in states:
        if state.mag is None or state.dist_type == "+":
            continue
        k, clock = state.kt_vec[None, :3], state.kt_vec[3]
        kept = torch.exp(-2j * math.pi * clock * data.B0 - clock.abs() / data.T2dash)
        mean = mean + (state.mag * kept * data.dephasing_func(k, data.nyquist)).real
    return mean


def _moments(layout: Layout, pulse: int) -> tuple[int, int]:
    """Cycles over the voxel by the crusher and by the spoiler after a pulse, the latter all different."""
    gradient = layout.gradients[pulse]
    return (0, 8 * 3**pulse) if gradient == SPOILER else (gradient, 0)


CONTESTANT = Contestant("MRzeroCore", prepare, needs="MRzeroCore", tolerance=1e-4)
