"""A design problem: tissues, imaging conditions, objective and search space."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.acquisition import Acquisition
from sequence_search.checks import Fault, check_type, tuple_of
from sequence_search.classify import CategoryRule
from sequence_search.engines.simulator import LossFunction, Simulator
from sequence_search.limits import Limits
from sequence_search.objective import Objective, TermFunction
from sequence_search.problem.consistency import check_names, check_played, check_term
from sequence_search.problem.conventional import Conventional
from sequence_search.problem.digest import digest
from sequence_search.problem.errors import ProblemError
from sequence_search.problem.evaluation import Evaluation, evaluation_of
from sequence_search.problem.hardware import Hardware, hardware_measures, hardware_of
from sequence_search.problem.library import problem_text, toml_text
from sequence_search.problem.notes import notes
from sequence_search.problem.own_terms import own_term_of
from sequence_search.problem.playable import as_played, check_playable, has_layouts
from sequence_search.problem.schema import FILE_KEYS, read_tables
from sequence_search.problem.wishes import FindStructures, Measure, measures, wishes
from sequence_search.problem.writing import write_problem
from sequence_search.pulses.kinds import Kind
from sequence_search.pulses.slices import IN_REPORT, IN_SEARCH
from sequence_search.search_space import Grid, SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.shown import Shown
from sequence_search.tissue import Imaging, Tissue
from sequence_search.voxels import Sampling, Voxels, grid_voxels, voxels_by

STANDARD_N_PER_TISSUE = 1024  # voxels per tissue of the ensemble over which losses are reported


@dataclass(frozen=True, slots=True, repr=False)
class Problem(Shown):
    """Tissues, imaging conditions, objective, search space and limits of one design task.

    Attributes
    ----------
    name : of letters, digits, '.', '_' and '-'
    limits : every design that a search returns meets them; none if not given
    grid : to compare with
    categories : they sort designs in tables; the first that fits counts. They affect no search
    title : for people; the name if not given
    pulses : kinds of pulse by name, besides "hard"
    acquisition : how a sequence is repeated and read; once and at its end if not given
    conventional : the textbook's sequence, to stand beside designs; it affects none

    Raises
    ------
    ValueError
        If there is no tissue or no term, two tissues or categories have one name, a term's tissues or a pulse
        of the search space are not there, sequences have no value of a term or limit, none of the search
        space meets a limit or fits the TR, or the conventional one cannot be played.
    TypeError
        If a part is of another type.
    """

    name: str
    tissues: tuple[Tissue, ...]
    imaging: Imaging
    objective: Objective
    search_space: SearchSpace = field(default_factory=SearchSpace)
    grid: Grid | None = None
    categories: tuple[CategoryRule, ...] = ()
    title: str = ""
    limits: Limits = field(default_factory=Limits)
    pulses: Mapping[str, Kind] = field(default_factory=dict, hash=False)
    acquisition: Acquisition = field(default_factory=Acquisition)
    conventional: Conventional | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.name):
            raise Fault("name must be of letters, digits, '.', '_' and '-', got {0}", repr(self.name))
        object.__setattr__(self, "tissues", tuple_of(Tissue, self.tissues))
        check_type(self.imaging, Imaging)
        check_type(self.objective, Objective)
        check_type(self.search_space, SearchSpace)
        if not self.tissues or not self.objective.terms:
            raise Fault("a problem needs at least one tissue and one term of the objective")
        check_names(self.tissues, self.categories)
        for term in self.objective.terms:
            check_term(term, len(self.tissues))
        check_type(self.limits, Limits)
        m0 = {tissue.name: tissue.m0 for tissue in self.tissues}
        self.limits.check(
            self.search_space,
            {name: each.centre for name, each in m0.items()},
            {name: float(each.quantile(torch.tensor(0.99))) for name, each in m0.items()},
        )
        check_type(self.acquisition, Acquisition)
        check_played(self.objective, self.search_space, self.limits, self.pulses, self.acquisition)
        if self.conventional is not None:
            self.conventional.check(self.acquisition, self.pulses, self.search_space, self.name)
        object.__setattr__(self, "title", self.title or self.name)

    def __repr__(self) -> str:
        tissues = ", ".join(tissue.name for tissue in self.tissues)
        terms = ", ".join(f"{term.weight:g} {term.name}" for term in self.objective.terms)
        return f"Problem '{self.name}' of {tissues}: {terms}"

    @classmethod
    def load(cls, name_or_path: str | Path) -> Problem:
        """Built-in problem by name, or a file by path; ProblemError if there is none or it is faulty."""
        return cls.from_toml(problem_text(name_or_path), str(name_or_path))

    @classmethod
    def from_toml(cls, text: str, source: str = "problem") -> Problem:
        """Read the text of a problem file; `source` names it in the ProblemError of one that is faulty."""
        fields = read_tables(text, source)
        try:
            return cls(**fields)
        except Fault as fault:
            raise ProblemError(f"{source}: {fault.told(FILE_KEYS)}") from None

    def to_dict(self) -> dict[str, Any]:
        """Plain data in the form of a problem file, every default written out.

        Raises
        ------
        ProblemError
            If a term is a Python function of the user's own, which has no such form.
        """
        return write_problem(self)

    def to_toml(self) -> str:
        """Text of a problem file that gives this problem; see `to_dict`."""
        return toml_text(self.to_dict())

    @property
    def digest(self) -> str:
        """SHA-256 of all that affects a design, in hex; see `sequence_search.problem.digest`."""
        parts = (self.tissues, self.imaging, self.objective, self.search_space, self.limits)
        return digest(*parts, self.pulses, self.acquisition)

    @property
    def hardware(self) -> Hardware | None:
        """What the scanner of the limits asks of sequences; None if none is stated."""
        return hardware_of(self.search_space, self.limits, self.pulses, self.acquisition)

    @property
    def has_layouts(self) -> bool:
        """Whether sequences have kinds of pulse or gradients to choose, a repetition or several echoes."""
        return has_layouts(self.search_space, self.acquisition, self.limits)

    def refuse_layouts(self, what: str) -> None:
        """Raise a ValueError that names what takes no such sequences, if this problem has them."""
        if self.has_layouts:
            raise ValueError(
                f"{what} takes instantaneous pulses without gradients, played once: problem '{self.name}' has"
                " [sequence], pulses or gradients; leave them out for it"
            )

    def with_term(
        self, name: str, function: TermFunction, weight: float, tissues: tuple[str, ...] | str | None = None
    ) -> Problem:
        """Return the problem with one more objective term, a differentiable function of the user's own.

        Parameters
        ----------
        function : callable (magnitude [*batch, n_voxels], sequence, voxels) -> [*batch]
        tissues : str or tuple of str, optional
            Names of the tissues whose voxels the function gets; all if not given.

        Raises
        ------
        ProblemError
            If the name is taken or a tissue is not defined.
        """
        if name in {term.name for term in self.objective.terms}:
            raise ProblemError(f"problem '{self.name}' has a term '{name}' already")
        known = [tissue.name for tissue in self.tissues]
        term = own_term_of(name, function, weight, tissues, known)
        return replace(self, objective=Objective((*self.objective.terms, term)))

    def voxels(
        self,
        n_per_tissue: int = STANDARD_N_PER_TISSUE,
        *,
        method: Sampling = "sobol",
        seed: int = 0,
    ) -> Voxels:
        """Sample voxels of all tissues, in float64; see `Voxels.to`.

        Parameters
        ----------
        n_per_tissue : int
            Exactly for "sobol", on average for "random"; "nominal" has one.
        method : str
            "sobol": deterministic and even. "random": independent draws, as in the paper.
            "nominal": mean tissue, b1 = 1, b0 that of the tissue's own.
        seed : int
            Of the scramble or of the draws.

        Raises
        ------
        ValueError
            If the method is unknown or the number is not positive.
        """
        return voxels_by(method, self.tissues, self.imaging, n_per_tissue, seed)

    def voxel_grid(self, *, b0: Any, b1: Any) -> Voxels:
        """Nominal tissues on a grid of b0 [Hz], which adds to the tissue's own, and b1; see `grid_voxels`."""
        return grid_voxels(self.tissues, self.imaging, b0=b0, b1=b1)

    def notes(self) -> list[str]:
        """What is allowed but looks like a mistake, a line each; units above all."""
        parts = (self.tissues, self.imaging, self.objective, self.search_space, self.limits)
        found = notes(*parts, self.pulses, self.acquisition)
        if self.conventional is not None:
            found += self.conventional.notes(self.acquisition, self.search_space, self.limits, self.name)
        return found

    def simulator(self, voxels: Voxels, engine: str = "auto", n_places: int = IN_SEARCH) -> Simulator:
        """Simulator of this problem's objective over some voxels, with so many places across a slice."""
        return Simulator(voxels, self.objective, engine, kinds=self.pulses, n_places=n_places)

    def loss(self, sequence: Sequence, voxels: Voxels, engine: str = "auto") -> Float[Tensor, "*batch"]:
        """Objective of each sequence over the voxels, differentiable.

        ValueError if it is played once where this problem repeats: see `played`.
        """
        if self.acquisition.is_repeated and not sequence.is_steady:
            raise ValueError(
                f"problem '{self.name}' repeats its sequences: see Problem.played, got {sequence!r}"
            )
        return self.simulator(voxels, engine).loss(sequence)

    def loss_and_gradient(self, voxels: Voxels, engine: str = "auto") -> LossFunction:
        """Function of a sequence [*batch, n_rf] that gives its loss [*batch] and gradient, for many calls."""
        return self.simulator(voxels, engine).loss_and_gradient

    def played(
        self,
        pulses: Sequence,
        *,
        kinds: Iterable[str] = (),
        gradients: Iterable[str] = (),
        tr: float | None = None,
    ) -> Sequence:
        """Pulses and delays as this problem repeats and reads them, see `problem.playable.as_played`."""
        check_type(pulses, Sequence)
        return as_played(pulses, self.acquisition, kinds=kinds, gradients=gradients, tr=tr)

    def check_sequence(self, sequence: Sequence) -> None:
        """Refuse a single sequence that cannot be played here; see `problem.playable.check_playable`."""
        check_type(sequence, Sequence)
        check_playable(sequence, self.pulses, self.search_space.crusher, self.acquisition, self.name)

    def playable(self, sequence: Sequence) -> Sequence:
        """A single sequence as it is played here: one without a layout is repeated if the problem repeats.

        Raises
        ------
        ValueError
            If it is a batch, or cannot be played here, see `check_sequence`.
        """
        check_type(sequence, Sequence)
        single = sequence.without_padding().detach()
        if single.layout is None:
            single = self.played(single)
        self.check_sequence(single)
        return single

    def evaluate(self, sequence: Sequence, engine: str = "auto") -> Evaluation:
        """Loss, its parts, nominal signals and cost of a single sequence, which is made `playable`.

        Pulses that select a slice are simulated at 16 places across it, twice as many as in a search.
        """
        single = self.playable(sequence)
        parts = self.simulator(self.voxels(), engine, IN_REPORT).parts(single)
        return self.evaluation(single, {name: float(part) for name, part in parts.items()}, engine)

    def evaluation(self, single: Sequence, terms: dict[str, float], engine: str = "auto") -> Evaluation:
        """Evaluation of a single sequence whose parts of the loss are known."""
        nominal = self.simulator(self.voxels(method="nominal"), engine, IN_REPORT).signal(single).abs()
        if single.n_readouts > 1:
            nominal = nominal.mean(-2)
        measured = self.measures(self.voxels(), engine) if self.limits else []
        signal = {tissue.name: value for tissue, value in zip(self.tissues, nominal.tolist(), strict=True)}
        return evaluation_of(single, terms, signal, wishes(self.limits, measured, single))

    def measures(
        self, voxels: Voxels, engine: str = "auto", find: FindStructures | None = None
    ) -> list[Measure]:
        """All that is limited, signals over some voxels, see `problem.wishes.measures`."""
        names = [tissue.name for tissue in self.tissues]
        found = measures(self.limits, names, voxels, engine, self.pulses, find)
        return found + hardware_measures(self.hardware)
