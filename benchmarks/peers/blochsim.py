"""blochsim: its compiled state machine (extended phase graphs), with its adjoint by flips, phases and delays.

Its T2' needs a sequence that winds at one steady rate, and it has no other distribution of frequencies within
a voxel, so both are left out: what remains is one configuration state a voxel. It plays several sequences at
once only if they share their delays; ours do not.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from peers import Case, Contestant, Task, by_autograd, exact
from sequence_search import Sequence


def expected(case: Case) -> Tensor:
    """Exact signal without T2' and spread."""
    voxels = case.voxels
    no_spread = torch.zeros_like(voxels.spread)
    no_t2_prime = torch.full_like(voxels.t2_prime, math.inf)
    return exact(replace(case, voxels=replace(voxels, t2_prime=no_t2_prime, spread=no_spread)))


def prepare(case: Case) -> Task:
    """Single sequence, in float32 as is blochsim's way."""
    from blochsim import Delay, Excitation, Readout, Simulator  # optional

    class Played(Simulator):
        """Pulses, each followed by its delay, and one sample."""

        excitation, delay, readout = Excitation, Delay, Readout
        states = 1

        def layout(self, *, flip: Tensor, phase: Tensor, wait: Tensor) -> list:
            parts = []
            for angle, axis, time in zip(flip, phase, wait, strict=True):
                parts += [self.operators.excitation(angle, axis), self.operators.delay(time)]
            return [*parts, self.operators.readout()]

    voxels = case.voxels.to(dtype=torch.float32)
    tissue = {
        "T1": 1e3 * voxels.t1,
        "T2": 1e3 * voxels.t2,
        "M0": voxels.m0,
        "B1": voxels.b1,
        "B0": -voxels.b0,  # its precession has the other sense
    }
    simulator = Played(**_settings(case.sequence), **tissue)

    def signal(sequence: Sequence) -> Tensor:
        return simulator.simulate(**_settings(sequence)).T

    return Task(partial(signal, case.sequence), partial(by_autograd, signal, case))


def _settings(sequence: Sequence) -> dict[str, Tensor]:
    return {"flip": sequence.flip_angle[0], "phase": sequence.phase[0], "wait": sequence.delay[0]}


CONTESTANT = Contestant("blochsim", prepare, expected, needs="blochsim", tolerance=1e-4)
