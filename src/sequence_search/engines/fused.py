"""Exact engine on the CPU: the sum over pathways, or over states of a layout, and its adjoint, compiled.

Differentiable once with respect to flip angles, phases and delays. Everything is computed in float64: a
float32 kernel would be at most twice as fast, and its phases 2 pi b0 t miss 1e-5 of M0 at delays of seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Complex, Float
from torch import Tensor

from sequence_search.columns import is_plain
from sequence_search.engines.arrangement import Arrangement, Lanes, as_numpy
from sequence_search.engines.kernel import grid as kernel_grid
from sequence_search.engines.kernel import table_run
from sequence_search.engines.kernel.lanes import WIDTH
from sequence_search.engines.kernel.objective import Encoding
from sequence_search.engines.kernel.run import adjoint, forward, products
from sequence_search.engines.kernel.run import loss as kernel_loss
from sequence_search.engines.kernel.states import can_list
from sequence_search.engines.kernel.tree import MAX_PULSES
from sequence_search.engines.penalties import PenaltyFunction
from sequence_search.layout import HARD, Layout
from sequence_search.objective import KernelForm, Prepared
from sequence_search.pulses.kinds import Kind
from sequence_search.pulses.table import TOP
from sequence_search.search_space import Grid
from sequence_search.sequence import Sequence
from sequence_search.voxels import PROPERTIES, Voxels

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]  # by flip angle, phase and delay
# Loss [batch] of such arrays and its derivatives by each.
ArrayLoss = Callable[[Arrays], tuple[np.ndarray, Arrays]]


def signal(sequence: Sequence, arrangement: Arrangement) -> Complex[Tensor, "batch *n_readouts n_voxels"]:
    """Signal at the readout, or at each of several, in the unit of m0.

    Exact for hard pulses. Others are looked up in tables over the flip angle, right to 1e-6.

    Parameters
    ----------
    sequence : Sequence [batch, n_rf]
        On the CPU; absent pulses, if any, at the end.
    arrangement : Arrangement
        Of voxels on the CPU; no derivatives by their properties.
    """
    voxels, lanes = arrangement.voxels, arrangement.of(sequence.layout)
    parts = sequence.flip_angle, sequence.phase, sequence.delay
    out: Tensor = _Signal.apply(*parts, *_kernel(sequence, lanes))  # type: ignore[no-untyped-call]
    out = out[:, 0] if sequence.layout is not None and sequence.n_readouts == 1 else out
    if lanes.n_places > 1:
        out = out.reshape(*out.shape[:-1], len(voxels), lanes.n_places).sum(-1)
    return out.to(torch.promote_types(sequence.delay.dtype, voxels.b1.dtype).to_complex())


def signal_products(
    sequence: Sequence, given: Complex[Tensor, "rows n_voxels"], arrangement: Arrangement
) -> Float[Tensor, " batch"]:
    """Sums over voxels of Re(conj(given) signal), without derivatives, of sequences without a layout.

    The first row given is of the first batch / rows sequences, and so on.
    """
    parts = as_numpy(sequence.flip_angle), as_numpy(sequence.phase), as_numpy(sequence.delay)
    blocks, threads = arrangement.of(None).blocks, torch.get_num_threads()
    by_voxel = np.ascontiguousarray(given.resolve_conj().numpy(), np.complex128)
    return torch.from_numpy(products(parts, pulse_numbers(sequence), blocks, by_voxel, threads))


def on_cpu(sequence: Sequence, voxels: Voxels) -> bool:
    """Whether both lie where the kernel runs."""
    return sequence.delay.device.type == voxels.b1.device.type == "cpu"


def can_run(sequence: Sequence, arrangement: Arrangement) -> bool:
    """Whether the kernel serves: CPU, known kinds of pulse, not too many states, no derivative by voxels."""
    voxels = arrangement.voxels
    wanted = torch.is_grad_enabled() and any(getattr(voxels, name).requires_grad for name in PROPERTIES)
    return on_cpu(sequence, voxels) and not wanted and _knows(sequence, arrangement.kinds)


def _knows(sequence: Sequence, kinds: Mapping[str, Kind]) -> bool:
    layout = sequence.layout
    if layout is None:
        return sequence.delay.shape[-1] <= MAX_PULSES
    if not _knows_layout(layout, kinds):
        return False
    shaped = [k for k, kind in enumerate(layout.kinds) if kind != HARD]
    return not (sequence.flip_angle[..., shaped].abs() > TOP).any()


def _knows_layout(layout: Layout, kinds: Mapping[str, Kind]) -> bool:
    """Whether the kernel has its kinds of pulse, and not too many states."""
    return set(layout.kinds) <= {HARD, *kinds} and can_list(layout)


def can_run_layout(layout: Layout, arrangement: Arrangement) -> bool:
    """As `can_run`, of arrays on the CPU of a layout that is not plain."""
    known = not is_plain(layout) and _knows_layout(layout, arrangement.kinds)
    return known and arrangement.voxels.b1.device.type == "cpu"


def takes_one_pass(layout: Layout, arrangement: Arrangement, encoding: Encoding) -> bool:
    """Whether `array_loss` serves.

    That is without a contrast of complex signals, of several readouts without any; and with one place in the
    slice or eight.
    """
    known = not encoding.complex.any() if len(layout.readouts) == 1 else not encoding.pairs.size
    return known and arrangement.of(layout).n_places in (1, WIDTH)


def pulse_numbers(sequence: Sequence) -> np.ndarray:
    """Number of pulses of each sequence of the flattened batch, int64."""
    if sequence.present is None:
        return np.full(sequence.batch_shape.numel(), sequence.delay.shape[-1])
    return sequence.n_rf.flatten().numpy()


def loss_and_gradient(
    sequence: Sequence, arrangement: Arrangement, encoding: Encoding, of_layout: ArrayLoss | None = None
) -> tuple[Float[Tensor, "*batch"], Sequence]:
    """Loss and its derivatives, as `Simulator.loss_and_gradient`, by `array_loss` if they have a layout."""
    shape, columns = sequence.batch_shape, sequence.columns()
    parts = [as_numpy(part).reshape(shape.numel(), part.shape[-1]) for part in columns.values()]
    arrays = parts[0], parts[1], parts[2]
    gradient: Iterable[np.ndarray]
    if of_layout is not None:
        loss, gradient = of_layout(arrays)
    else:
        lanes, threads = arrangement.of(None), torch.get_num_threads()
        objective = arrangement.objective(encoding, lanes)
        loss, slopes = kernel_loss(arrays, pulse_numbers(sequence), lanes.blocks, objective, threads)
        gradient = slopes.swapaxes(0, 1)
    by_name = {  # shaped as arrays, which takes a quarter of the time
        name: torch.from_numpy(slope.reshape(part.shape)).to(part.dtype)
        for (name, part), slope in zip(columns.items(), gradient, strict=True)
    }
    dtype = torch.promote_types(sequence.delay.dtype, arrangement.voxels.m0.dtype)
    return torch.from_numpy(loss.reshape(shape)).to(dtype), sequence.with_columns(by_name)


def array_loss(
    layout: Layout,
    arrangement: Arrangement,
    encoding: Encoding,
    penalties: Iterable[tuple[float, PenaltyFunction]] = (),
) -> ArrayLoss:
    """Loss of arrays of a layout in one pass of the kernel, with penalties and their weights added."""
    lanes = arrangement.of(layout)
    objective = arrangement.objective(encoding, lanes)
    plan = table_run.plan(layout)
    shaped = [k for k, kind in enumerate(layout.kinds) if kind != HARD]

    def loss(parts: Arrays) -> tuple[np.ndarray, Arrays]:
        flip, _, delay = parts
        _refuse_beyond_tables(flip[:, shaped], shaped, layout)
        of_kernel = parts, plan, lanes.blocks, objective, torch.get_num_threads(), lanes.rotations
        value, (by_flip, by_phase, by_delay) = table_run.planned_loss(*of_kernel)
        for weight, function in penalties:
            more = function(flip, delay)
            value += weight * more.value
            by_flip += weight * more.by_flip
            by_delay += weight * more.by_delay
        return value, (by_flip, by_phase, by_delay)

    return loss


def _refuse_beyond_tables(
    flip: Float[np.ndarray, "batch n_shaped"], shaped: list[int], layout: Layout
) -> None:
    """Refuse flip angles above those of tables; a sequence of one that is no number has no loss."""
    beyond = np.abs(flip) > TOP
    if not beyond.any():
        return
    pulse, angle = shaped[int(beyond.any(0).argmax())], np.abs(flip)[beyond].max()
    raise ValueError(
        f"the flip angle of a shaped pulse must be at most {math.degrees(TOP):g}°, got"
        f" {math.degrees(angle):g}° of pulse {pulse + 1}, '{layout.kinds[pulse]}'"
    )


def encode(prepared: Prepared) -> Encoding:
    """Write an objective, each of whose terms has a kernel form, as what the kernel sums.

    Raises
    ------
    ValueError
        If a term has no kernel form.
    """
    weight, tissue = as_numpy(prepared.voxels.weight), prepared.voxels.tissue.numpy()
    linear, square, mean = np.zeros_like(weight), np.zeros_like(weight), np.zeros_like(weight)
    constant, penalties = 0.0, np.zeros(3)
    contrasts: list[tuple[KernelForm, float]] = []
    for term, places, voxels in prepared.selections:
        if term.kind.kernel is None or not term.has_kernel_form:
            raise ValueError(f"term '{term.name}' has no form in the kernel")
        form = term.kind.kernel(term.brighter, voxels)
        of_term = slice(None) if places is None else places.numpy()
        part = term.weight * weight[of_term] / weight[of_term].sum()
        constant += float((part * _plain(form.constant)).sum())
        linear[of_term] += part * _plain(form.linear)
        square[of_term] += part * _plain(form.square)
        penalties += term.weight * np.array(form.penalties)
        if form.contrast is not None:
            contrasts.append((form, term.weight))
    # Only of contrasts: another tissue may have no weight at all, and so no mean.
    pairs = np.array([form.contrast for form, _ in contrasts], np.int64).reshape(-1, 2)
    for index in np.unique(pairs):
        chosen = tissue == index
        mean[chosen] = weight[chosen] / weight[chosen].sum()
    return Encoding(
        linear,
        square,
        mean,
        tissue,
        constant,
        pairs=pairs,
        contrast_weight=np.array([weight for _, weight in contrasts], np.float64),
        signed=np.array([form.contrast_kind == "signed" for form, _ in contrasts], np.bool_),
        complex=np.array([form.contrast_kind == "complex" for form, _ in contrasts], np.bool_),
        penalties=penalties,
    )


def two_pulse_losses(grid: Grid, prepared: Prepared) -> Callable[[int, int], np.ndarray]:
    """Losses of the points of a grid of two pulses, the first of one phase, from a start to before a stop.

    Of objectives of |signal| only: the tables leave out a phase that depends on the voxel.
    """
    first, second = grid.phase
    tables = kernel_grid.make_tables(
        tuple(axis.values for axis in grid.flip_angle),
        second.values - first.start,
        tuple(axis.values for axis in grid.delay),
        tuple(as_numpy(getattr(prepared.voxels, name)) for name in PROPERTIES),
    )
    encoding = encode(prepared)
    return lambda start, stop: kernel_grid.losses(tables, encoding, start, stop)


def _plain(value: float | Tensor) -> np.ndarray | float:
    return as_numpy(value) if isinstance(value, Tensor) else value


Forward = Callable[[Arrays], np.ndarray]
Adjoint = Callable[[Arrays, np.ndarray], Iterable[np.ndarray]]


def _kernel(sequence: Sequence, lanes: Lanes) -> tuple[Forward, Adjoint]:
    """Signals of arrays like those of a batch, and their adjoint."""
    layout, blocks, threads = sequence.layout, lanes.blocks, torch.get_num_threads()
    if layout is not None:
        return (
            lambda parts: table_run.forward(parts, layout, blocks, threads, lanes.rotations),
            lambda parts, bar: table_run.adjoint(parts, layout, blocks, bar, threads, lanes.rotations),
        )
    n_rf = pulse_numbers(sequence)
    return (
        lambda parts: forward(parts, n_rf, blocks, threads),
        lambda parts, bar: adjoint(parts, n_rf, blocks, bar, threads).swapaxes(0, 1),
    )


class _Signal(torch.autograd.Function):
    """Forward and adjoint of the kernel."""

    @staticmethod
    def forward(
        ctx: Any, flip: Tensor, phase: Tensor, delay: Tensor, forward: Forward, adjoint: Adjoint
    ) -> Tensor:
        ctx.save_for_backward(flip, phase, delay)
        ctx.adjoint = adjoint
        return torch.from_numpy(forward((as_numpy(flip), as_numpy(phase), as_numpy(delay))))

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "the fused engine has first derivatives only: for higher ones take engine='pathways',"
                " or 'configurations' for a layout"
            )
        parts = ctx.saved_tensors
        signal_bar = np.ascontiguousarray(slopes[0].resolve_conj().numpy(), np.complex128)
        gradient = ctx.adjoint((as_numpy(parts[0]), as_numpy(parts[1]), as_numpy(parts[2])), signal_bar)
        by_part = [
            torch.from_numpy(slope).to(part.dtype) for slope, part in zip(gradient, parts, strict=True)
        ]
        return (*by_part, None, None)
