"""Exact engine on the CPU: the pathway sum and its adjoint in one compiled kernel.

Differentiable once with respect to flip angles, phases and delays. Everything is computed in float64: a
float32 kernel would be at most twice as fast, and its phases 2 pi b0 t miss 1e-5 of M0 at delays of seconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Complex
from torch import Tensor

from sequence_search.engines.kernel.blocks import Blocks, arrange_voxels
from sequence_search.engines.kernel.run import Sequences, adjoint, forward
from sequence_search.engines.kernel.tree import MAX_PULSES
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

KERNEL_PROPERTIES = ("m0", "t1", "t2", "t2_prime", "b1", "b0", "spread")


def signal(sequence: Sequence, voxels: Voxels, blocks: Blocks) -> Complex[Tensor, "batch n_voxels"]:
    """Signal at the readout in the unit of m0, exact for instantaneous pulses.

    Parameters
    ----------
    sequence : Sequence [batch, n_rf]
        On the CPU; absent pulses, if any, at the end.
    voxels : Voxels
        On the CPU; no derivatives by their properties.
    blocks : Blocks
        Those voxels as `arrange` gives them.
    """
    n_rf = pulse_numbers(sequence)
    out: Tensor = _Signal.apply(  # type: ignore[no-untyped-call]
        sequence.flip_angle, sequence.phase, sequence.delay, n_rf, blocks, torch.get_num_threads()
    )
    return out.to(torch.promote_types(sequence.delay.dtype, voxels.b1.dtype).to_complex())


def on_cpu(sequence: Sequence, voxels: Voxels) -> bool:
    """Whether both lie where the kernel runs."""
    return sequence.delay.device.type == voxels.b1.device.type == "cpu"


def can_run(sequence: Sequence, voxels: Voxels) -> bool:
    """Whether the kernel serves: CPU, not too many pulses, no derivative by a voxel property wanted."""
    wanted = torch.is_grad_enabled() and any(
        getattr(voxels, name).requires_grad for name in KERNEL_PROPERTIES
    )
    return on_cpu(sequence, voxels) and sequence.delay.shape[-1] <= MAX_PULSES and not wanted


def is_packed(sequence: Sequence) -> bool:
    """Whether absent pulses, if any, all stand at the end."""
    present = sequence.present
    return present is None or bool((present[..., 1:] <= present[..., :-1]).all())


def pulse_numbers(sequence: Sequence) -> np.ndarray:
    """Number of pulses of each sequence of the flattened batch, int64."""
    if sequence.present is None:
        return np.full(sequence.batch_shape.numel(), sequence.delay.shape[-1])
    return sequence.present.sum(-1).flatten().numpy()


def arrange(voxels: Voxels, group: Tensor | None = None) -> Blocks:
    """Voxels as the kernel wants them, grouped by tissue for objectives; can be made once for many calls."""
    properties = [as_numpy(getattr(voxels, name)) for name in KERNEL_PROPERTIES]
    groups = np.zeros(len(voxels), np.int64) if group is None else group.numpy()
    return arrange_voxels(properties, groups)


def as_numpy(tensor: Tensor) -> np.ndarray:
    """Contiguous float64 array, without a copy where it is one already."""
    return np.ascontiguousarray(tensor.detach().numpy(), np.float64)


class _Signal(torch.autograd.Function):
    """Forward and adjoint of the kernel."""

    @staticmethod
    def forward(
        ctx: Any, flip: Tensor, phase: Tensor, delay: Tensor, n_rf: np.ndarray, blocks: Blocks, threads: int
    ) -> Tensor:
        ctx.save_for_backward(flip, phase, delay)
        ctx.rest = n_rf, blocks, threads
        return torch.from_numpy(forward(_arrays(flip, phase, delay), n_rf, blocks, threads))

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "the fused engine has first derivatives only: for higher ones take engine='pathways'"
            )
        parts = ctx.saved_tensors
        n_rf, blocks, threads = ctx.rest
        signal_bar = np.ascontiguousarray(slopes[0].resolve_conj().numpy(), np.complex128)
        gradient = torch.from_numpy(adjoint(_arrays(*parts), n_rf, blocks, signal_bar, threads))
        by_part = (slope.to(part.dtype) for slope, part in zip(gradient.unbind(1), parts, strict=True))
        return (*by_part, None, None, None)


def _arrays(flip: Tensor, phase: Tensor, delay: Tensor) -> Sequences:
    return as_numpy(flip), as_numpy(phase), as_numpy(delay)
