"""What benchmarks run: the package's own engines (`ours`), other simulators, and the arithmetic `floor`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from sequence_search import Sequence, simulate
from sequence_search.objective import Objective
from sequence_search.voxels import Voxels

# Derivatives of the loss by flip angle, phase [1/rad] and delay [1/s], each [batch, n_rf].
Gradient = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Case:
    """Sequences [batch, n_rf], voxels, and the objective that makes one loss of each sequence's signals."""

    sequence: Sequence
    voxels: Voxels
    objective: Objective


@dataclass(frozen=True, slots=True)
class Task:
    """A case made ready: calls that do all that depends on the sequences, and nothing else.

    Attributes
    ----------
    signal : callable () -> complex tensor [batch, n_voxels]
    gradient : callable () -> Gradient
        Signal, loss and its gradient.
    """

    signal: Callable[[], Tensor]
    gradient: Callable[[], Gradient]


def exact(case: Case) -> Tensor:
    """Signal that a contestant must give, by the pathway sum in torch, differentiable."""
    return simulate(case.sequence, case.voxels, "pathways")


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to simulate.

    Attributes
    ----------
    name : str
    prepare : callable (Case) -> Task
    expected : callable (Case) -> Tensor
        Signal that it must give, for the part of the physics that it does.
    batch : int
        Sequences in a call.
    cores : int or None
        Threads it may use; None for all.
    needs : str or None
        Module without which it is skipped.
    most : int
        Largest number of voxels times sequences of a call, and `reason` for it.
    tolerance : float
        Largest difference of signals at which its times count [M0].
    """

    name: str
    prepare: Callable[[Case], Task]
    expected: Callable[[Case], Tensor] = exact
    batch: int = 1
    cores: int | None = None
    needs: str | None = None
    most: int = 3_200_000
    reason: str = "cost is linear in both, and smaller ones tell it"
    tolerance: float = 1e-9


def leaves(sequence: Sequence) -> Sequence:
    """Copy whose flip angles, phases and delays ask for gradients."""
    parts = (sequence.flip_angle, sequence.phase, sequence.delay)
    return Sequence(*(part.detach().clone().requires_grad_() for part in parts), layout=sequence.layout)


def by_autograd(signal: Callable[[Sequence], Tensor], case: Case) -> Gradient:
    """Gradient of the summed losses by torch's backward pass through `signal`."""
    free = leaves(case.sequence)
    loss = case.objective(signal(free), free, case.voxels).sum()
    flip, phase, delay = torch.autograd.grad(loss, (free.flip_angle, free.phase, free.delay))
    return flip, phase, delay


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Send standard output nowhere, also that of compiled code."""
    kept = os.dup(1)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
