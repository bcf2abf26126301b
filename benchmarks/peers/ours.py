"""The package's engines: isochromats and pathways in torch, and the fused kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from peers import Case, Contestant, Gradient, Task, by_autograd
from sequence_search import Sequence, simulate
from sequence_search.engines.isochromats import draw_offsets
from sequence_search.engines.simulator import Simulator

N_SPINS = 256


def isochromats(case: Case) -> Task:
    """The paper's spins; their offsets are drawn beforehand, which costs nothing here."""
    offsets = draw_offsets(case.voxels, N_SPINS, "independent")
    return _in_torch(case, engine="isochromats", offsets=offsets)


def isochromats_expected(case: Case) -> Tensor:
    """Pathway sum over the same 256 offsets, hence without sampling error between them."""
    offsets = draw_offsets(case.voxels, N_SPINS, "independent")
    return simulate(case.sequence, case.voxels, "pathways", offsets=offsets)


def isochromats_float32(case: Case) -> Task:
    """The same in single precision."""
    offsets = draw_offsets(case.voxels, N_SPINS, "independent").float()
    single = replace(
        case, sequence=case.sequence.to(torch.float32), voxels=case.voxels.to(dtype=torch.float32)
    )
    return _in_torch(single, engine="isochromats", offsets=offsets)


def pathways(case: Case) -> Task:
    """The exact sum in torch."""
    return _in_torch(case, engine="pathways")


def pathways_on_gpu(case: Case) -> Task:
    """The exact sum in torch on a CUDA device, with all that it works on there."""
    there = replace(case, sequence=case.sequence.to("cuda"), voxels=case.voxels.to("cuda"))
    task = pathways(there)

    def until_done(call: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            result = call()
            torch.cuda.synchronize()
            return result

        return run

    return Task(until_done(task.signal), until_done(task.gradient))


def fused(case: Case) -> Task:
    """The compiled kernel: signals through `simulate`, gradients through the entry without autograd."""
    loss_and_gradient = Simulator(case.voxels, case.objective, "fused").loss_and_gradient

    def gradient() -> Gradient:
        _, by = loss_and_gradient(case.sequence)
        return by.flip_angle, by.phase, by.delay

    return Task(partial(simulate, case.sequence, case.voxels, "fused"), gradient)


def _in_torch(case: Case, **options: object) -> Task:
    def signal(sequence: Sequence) -> Tensor:
        return simulate(sequence, case.voxels, **options)

    return Task(partial(signal, case.sequence), partial(by_autograd, signal, case))


def contestants(batches: tuple[int, ...]) -> list[Contestant]:
    """Isochromats, pathways one at a time and 32 together, fused on one core and on all."""
    one_core = [] if torch.get_num_threads() == 1 else [1]
    memory = "the autograd graph would take many GB"
    return [
        Contestant("isochromats", isochromats, isochromats_expected, most=10_000, reason=memory),
        Contestant(
            "isochromats, float32",
            isochromats_float32,
            isochromats_expected,
            most=10_000,
            reason=memory,
            tolerance=1e-4,
        ),
        Contestant("pathways", pathways),
        Contestant("pathways", pathways, batch=32, most=32_000, reason=memory),
        *(Contestant("fused", fused, batch=batch, cores=c) for c in [*one_core, None] for batch in batches),
    ]
