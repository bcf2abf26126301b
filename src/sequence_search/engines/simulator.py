"""The one place that simulates: signal, magnetisation, loss and gradient over one set of voxels.

An engine in torch is a class with the five steps of `Steps`. The one of layouts and the compiled kernel run
whole, and the kernel declines what it does not know: nobody but `Simulator` decides which of them runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from jaxtyping import Complex, Float
from torch import Tensor

from sequence_search.checks import check_type
from sequence_search.engines import fused
from sequence_search.engines.arrangement import Arrangement
from sequence_search.engines.by_autograd import by_autograd
from sequence_search.engines.by_name import ENGINES, check_engine
from sequence_search.engines.configurations import Configurations
from sequence_search.engines.in_batches import GridLosses, by_pulse_number, in_batches
from sequence_search.engines.kernel.objective import Encoding
from sequence_search.engines.pathways import most_sequences
from sequence_search.engines.penalties import penalty
from sequence_search.engines.products import check_given, products_of
from sequence_search.engines.steps import Steps, cut, play
from sequence_search.layout import Layout
from sequence_search.objective import Objective, Prepared, Slopes
from sequence_search.pulses.kinds import Kind
from sequence_search.pulses.slices import IN_SEARCH
from sequence_search.search_space import Grid
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels, more_and_less

LossFunction = Callable[[Sequence], tuple[Tensor, Sequence]]
STEP = 1e-3  # of the logarithms of relaxation times, for derivatives by them
GRID_SIGNALS = 2**18  # of the points of a grid that are simulated as one batch: 4 MB


@dataclass(frozen=True)
class Simulator:
    """Simulation over one set of voxels; what depends on these alone is done once, for many sequences.

    Attributes
    ----------
    voxels : Voxels
        Not to be changed in place afterwards.
    objective : Objective, optional
        Of the losses.
    engine : str
        "fused": exact, compiled, on the CPU; for derivatives by voxel properties "pathways" steps in. It
        has first derivatives only: for second ones ask for "pathways".
        "pathways": exact, in torch, on any device. "isochromats": the paper's 256 spins per voxel, with
        their sampling noise. "configurations": exact, in torch, for any layout. "auto": "fused" where it
        serves, else "pathways", or "configurations" for a layout.
    options : dict
        For "isochromats": `offsets`, or the arguments of `isochromats.draw_offsets`. For "pathways":
        `offsets`. The others have none.
    kinds : mapping of name to Kind
        Of the pulses of layouts that are not "hard".
    n_places : int
        Across a slice that a pulse selects.

    Raises
    ------
    ValueError
        If there is no such engine; at a call, if "fused" is asked for elsewhere than on the CPU, or
        "pathways" or "isochromats" for a sequence with a layout.
    """

    voxels: Voxels
    objective: Objective | None = None
    engine: str = "auto"
    options: dict[str, Any] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    n_places: int = IN_SEARCH

    def __post_init__(self) -> None:
        check_engine(self.engine)
        check_type(self.voxels, Voxels)

    def signal(self, sequence: Sequence) -> Complex[Tensor, "*shape n_voxels"]:
        """Complex signal at the readout, as `simulate`."""
        if self._kernel_serves(sequence):
            by_row = fused.signal(sequence.flat(), self._arrangement)
            return by_row.reshape(*sequence.batch_shape, *by_row.shape[1:])
        return self.voxels.m0 * self.magnetization(sequence)[0]

    def signal_products(
        self, sequence: Sequence, given: Complex[Tensor, "rows n_voxels"]
    ) -> Float[Tensor, " rows *batch"]:
        """Sums over voxels of Re(conj(given) signal), of one readout, in the unit of m0 times that given.

        The derivative of a loss by a factor of a signal, if its derivative by the signal is given. By the
        kernel without derivatives of its own.

        Raises
        ------
        ValueError
            If there is not a row of n_voxels given for each of the first axis of the sequences.
        """
        check_given(given, sequence.batch_shape, len(self.voxels))
        if sequence.layout is None and self._kernel_serves(sequence):
            products = fused.signal_products(sequence.flat(), given, self._arrangement)
            return products.reshape(sequence.batch_shape)
        return products_of(self.signal(sequence), given)

    def magnetization(
        self, sequence: Sequence, mz: float | Float[Tensor, " n_voxels"] = 1.0
    ) -> tuple[Complex[Tensor, "*shape n_voxels"], Float[Tensor, "*shape n_voxels"]]:
        """Mxy and Mz of each voxel at the readout, each shaped as the signal, in units of M0.

        Before the first pulse there is an Mz of `mz` in units of M0, and no Mxy; a steady layout has its own.
        The kernel gives the signal alone, so that an engine in torch steps in for it.
        """
        flat = sequence.flat()
        mxy, along = by_pulse_number(partial(self._played, mz=mz), flat)
        shape = (*sequence.batch_shape, *mxy.shape[1:])
        return mxy.reshape(shape), along.reshape(shape)

    def unvaried_signal(
        self, sequence: Sequence, repetitions: int = 3
    ) -> tuple[Complex[Tensor, "*shape n_voxels"], Complex[Tensor, "*shape n_voxels"]]:
        """Signal of a steady layout if each repetition is played exactly alike, and its uncertainty.

        Crushers store what gives echoes in the next repetition, unless phase encoding or the crushers vary,
        as `signal` takes it. Here the last repetitions are followed exactly, from a mean Mz before them.

        Returns
        -------
        signal : complex tensor, shaped as `signal`
        difference : complex tensor, the same
            Of one repetition more, to it; it does not fall evenly with the repetitions.

        Raises
        ------
        ValueError
            If the sequence has no steady layout.
        """
        signal = self.signal(sequence.repeat(repetitions))
        return signal, self.signal(sequence.repeat(repetitions + 1)) - signal

    def evolve(
        self, sequence: Sequence, times: Float[Tensor, " n_times"]
    ) -> tuple[Complex[Tensor, "n_times n_voxels"], Float[Tensor, "n_times n_voxels"]]:
        """Mxy and Mz of a single sequence over time, each [n_times, n_voxels], in units of M0.

        Each time is one sequence, cut there, so that any engine gives it. At the time of a pulse the state
        is the one just after it. Of a layout they are the mean over the voxel with its crushers, in the
        steady state if it is steady, as `Configurations.evolve`.

        Parameters
        ----------
        sequence : Sequence, without batch
        times : tensor [n_times], s
            From the first pulse, not negative; beyond the readout the last delay goes on.
        """
        check_type(sequence, Sequence)
        single = sequence.without_padding()
        if self._takes_configurations(single):
            return self._configurations.evolve(single.map(lambda part: part[None]), times)
        return self.magnetization(cut(single, times))

    def parts(self, sequence: Sequence) -> dict[str, Float[Tensor, "*batch"]]:
        """Weighted part of each term of the objective by name, differentiable; they add up to the loss."""
        return self._prepared.parts(self.signal(sequence), sequence, self.slopes(sequence))

    def loss(self, sequence: Sequence) -> Float[Tensor, "*batch"]:
        """Objective of each sequence, differentiable."""
        return self._prepared.loss(self.signal(sequence), sequence, self.slopes(sequence))

    def slopes(self, sequence: Sequence) -> Slopes:
        """Derivatives of |signal| by the logarithms of the relaxation times that the objective estimates.

        Central differences between voxels whose T1 or T2 is larger and smaller by 0.1 %, right to 1e-6 of
        M0, and differentiable; shaped as the signal, empty where nothing is estimated.
        """
        slopes = {}
        for name, simulator in self._neighbours.items():
            higher, lower = simulator.signal(sequence).abs().unflatten(-1, (2, -1)).unbind(-2)
            slopes[name] = (higher - lower) / (2 * STEP)
        return slopes

    def loss_and_gradient(self, sequence: Sequence) -> tuple[Float[Tensor, "*batch"], Sequence]:
        """Loss [*batch], and a Sequence of its derivatives by flip angle and phase [1/rad] and delay [1/s].

        Terms with a kernel form run in one pass of the kernel, without autograd, for sequences with a layout
        beside terms of B1 and of the duration; any other objective goes through it.
        """
        layout = sequence.layout
        if self._kernel_serves(sequence):
            of_layout = None if layout is None else self.array_loss(layout)
            if of_layout is not None or (layout is None and self.has_kernel_loss):
                return fused.loss_and_gradient(sequence, self._arrangement, self._encoding, of_layout)
        return by_autograd(self.loss, sequence)

    def array_loss(self, layout: Layout) -> fused.ArrayLoss | None:
        """As `loss_and_gradient`, of arrays of a layout that is not plain; None if it takes autograd."""
        others = [term for term in self._prepared.objective.terms if not term.has_kernel_form]
        penalties = [(term.weight, penalty(term.kind, layout, self.kinds)) for term in others]
        known = [(weight, function) for weight, function in penalties if function is not None]
        wanted = self.engine in ("auto", "fused") and not self.options and len(known) == len(others)
        served = wanted and fused.can_run_layout(layout, self._arrangement)
        if not served or not fused.takes_one_pass(layout, self._arrangement, self._encoding):
            return None
        return fused.array_loss(layout, self._arrangement, self._encoding, known)

    def grid_losses(self, grid: Grid) -> GridLosses:
        """Losses of a grid's points, by a function that lets threads run.

        A grid of two pulses, the first of one phase, has a kernel of its own for terms of |signal|, which
        does once what depends on a flip angle or a delay alone.
        """
        two_pulses = len(grid.flip_angle) == 2 and grid.phase[0].count == 1
        known = self.has_kernel_loss and not self._encoding.complex.any()
        if two_pulses and known and self._kernel_serves(grid.sequences(np.zeros(1, np.int64))):
            return fused.two_pulse_losses(grid, self._prepared)
        return in_batches(self.loss, grid, self.most_at_once(len(grid.flip_angle), GRID_SIGNALS))

    def most_at_once(self, n_rf: int, n_signals: int) -> int:
        """Sequences of n_rf pulses for a batch of at most so many signals that memory allows; at least 1."""
        n_voxels = len(self.voxels)
        return min(max(1, n_signals // n_voxels), most_sequences(n_voxels, n_rf))

    def _kernel_serves(self, sequence: Sequence) -> bool:
        """Whether the compiled kernel runs, by what was asked for and what it knows."""
        check_type(sequence, Sequence)
        if self.engine == "fused" and not fused.on_cpu(sequence, self.voxels):
            raise ValueError("engine 'fused' runs on the CPU only; take 'auto' or 'pathways'")
        wanted = self.engine in ("auto", "fused") and not self.options
        return wanted and fused.can_run(sequence, self._arrangement)

    def _played(self, sequence: Sequence, mz: float | Tensor) -> tuple[Tensor, Tensor]:
        """Mxy and Mz of a batch without padding [batch, n_readouts, n_voxels], of one readout without it."""
        if not self._takes_configurations(sequence):
            return play(self._steps, sequence, mz)
        mxy, along = self._configurations.magnetization(sequence, mz)
        return (mxy[:, 0], along[:, 0]) if mxy.shape[1] == 1 else (mxy, along)

    def _takes_configurations(self, sequence: Sequence) -> bool:
        """Whether "configurations" is the engine in torch for it."""
        if sequence.layout is not None and self.engine in ENGINES:
            raise ValueError(
                f"engine '{self.engine}' plays no layout (gradients, kinds of pulse, tied delays, several"
                " readouts, repetition): take 'auto' or 'configurations'"
            )
        has_pulses = sequence.flip_angle.shape[-1] > 0
        return sequence.layout is not None or (self.engine == "configurations" and has_pulses)

    @cached_property
    def _configurations(self) -> Configurations:
        return Configurations(self.voxels, self.kinds, self.n_places, **self.options)

    @cached_property
    def _steps(self) -> Steps:
        return ENGINES[self.engine if self.engine in ENGINES else "pathways"](self.voxels, **self.options)

    @cached_property
    def _arrangement(self) -> Arrangement:
        return Arrangement(self.voxels, self.kinds, self.n_places)

    @cached_property
    def _prepared(self) -> Prepared:
        if self.objective is None:
            raise ValueError("a Simulator without an objective has no loss; see Problem.simulator")
        return Prepared(self.objective, self.voxels, self.kinds)

    @cached_property
    def _neighbours(self) -> dict[str, Simulator]:
        """Of each relaxation time that is estimated, simulator of voxels with more, then with less of it."""
        estimated = self.objective.estimated if self.objective else ()
        beside = {name: more_and_less(self.voxels, name, STEP) for name in estimated}
        return {name: replace(self, voxels=each, objective=None) for name, each in beside.items()}

    @cached_property
    def has_kernel_loss(self) -> bool:
        """Whether every term of the objective has a form in the kernel."""
        return all(term.has_kernel_form for term, *_ in self._prepared.selections)

    @cached_property
    def _encoding(self) -> Encoding:
        if self.has_kernel_loss:
            return fused.encode(self._prepared)
        terms = tuple(term for term in self._prepared.objective.terms if term.has_kernel_form)
        return fused.encode(Prepared(Objective(terms), self.voxels))
