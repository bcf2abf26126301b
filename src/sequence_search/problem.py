"""A design problem: tissues, imaging conditions, objective and search space."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import tomlkit
import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.distributions import Distribution, Normal, Uniform
from sequence_search.loss import LossFunction, make_loss
from sequence_search.objective import SEQUENCE_TERMS, TERMS, Objective, Term, TermFunction
from sequence_search.problem_file import (
    ImagingTable,
    ProblemError,
    ProblemTables,
    SearchSpaceTable,
    TermTable,
    TissueTable,
    nearest,
    read_tables,
)
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.simulate import simulate
from sequence_search.tissue import Imaging, Tissue
from sequence_search.voxels import (
    Voxels,
    clipped_share,
    grid_voxels,
    nominal_voxels,
    random_voxels,
    sobol_voxels,
)

STANDARD_N_PER_TISSUE = 1024  # voxels per tissue of the ensemble over which losses are reported
# RF energy of 90°-180°, against which Tables V to VIII state their relative one.
CONVENTIONAL_RF_ENERGY = (math.pi / 2) ** 2 + math.pi**2
# Beyond these a problem is more likely a mistake than meant.
SHORTEST_LIKELY_T1 = 0.02
SMALLEST_LIKELY_FLIP_RANGE = math.radians(13)
NEGLIGIBLE_SHARE = 1e-6


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a sequence achieves in a problem.

    Attributes
    ----------
    loss : float
        Over the standard Sobol ensemble, 1,024 voxels per tissue.
    terms : dict of float
        Weighted part of each term; they add up to the loss.
    signal : dict of float
        |Mxy| of the nominal voxel of each tissue (mean tissue, b1 = 1, b0 = 0) [a.u.].
    rf_energy : float
        Sum of squared flip angles [rad²].
    relative_rf_energy : float
        Relative to 90°-180° [1].
    time_to_readout : float
        From the first pulse to the readout [s].
    """

    loss: float
    terms: dict[str, float]
    signal: dict[str, float]
    rf_energy: float
    relative_rf_energy: float
    time_to_readout: float


@dataclass(frozen=True, slots=True)
class Problem:
    """Tissues, imaging conditions, objective and search space of one design task."""

    name: str
    title: str
    tissues: tuple[Tissue, ...]
    imaging: Imaging
    objective: Objective
    search_space: SearchSpace = field(default_factory=SearchSpace)

    @classmethod
    def load(cls, name_or_path: str | Path) -> Problem:
        """Built-in problem by name, or a problem file by path.

        Raises
        ------
        ProblemError
            If there is no such problem, or its file is faulty.
        """
        return cls.from_toml(problem_text(name_or_path), str(name_or_path))

    @classmethod
    def from_toml(cls, text: str, source: str = "problem") -> Problem:
        """Read the text of a problem file; `source` names it in errors.

        Raises
        ------
        ProblemError
            If the text is faulty.
        """
        tables = read_tables(text, source)
        names = tuple(tables.tissues)
        counts: Counter[str] = Counter()
        terms = []
        for table in tables.objective:
            counts[table.term] += 1
            name = table.term if counts[table.term] == 1 else f"{table.term}-{counts[table.term]}"
            tissues = (
                None if table.tissues is None else tuple(names.index(tissue) for tissue in table.tissues)
            )
            terms.append(Term(name, TERMS[table.term], table.weight, tissues))
        return cls(
            tables.name,
            tables.title,
            tuple(_tissue(name, table) for name, table in tables.tissues.items()),
            Imaging(b1=tables.imaging.b1, b0=tables.imaging.b0_hz, spread=tables.imaging.spread_hz),
            Objective(tuple(terms)),
            _search_space(tables.search_space),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data in the form of a problem file, every default written out."""
        return _tables(self).model_dump(mode="json", exclude_none=True)

    def to_toml(self) -> str:
        """Text of a problem file that gives this problem, every default written out.

        Raises
        ------
        ProblemError
            If a term is a Python function of the user's own, which has no TOML form.
        """
        return tomlkit.dumps(_inline_distributions(self.to_dict()))

    @property
    def digest(self) -> str:
        """SHA-256 of everything that affects a result, in hex; a term in Python counts by its name."""
        terms = [
            [term.name, getattr(term.function, "__qualname__", "callable"), term.weight, term.tissues]
            for term in self.objective.terms
        ]
        content = [
            [asdict(tissue) for tissue in self.tissues],
            asdict(self.imaging),
            terms,
            asdict(self.search_space),
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def with_term(
        self, name: str, function: TermFunction, weight: float, tissues: tuple[str, ...] | str | None = None
    ) -> Problem:
        """Return the problem with one more objective term, a differentiable function of the user's own.

        Parameters
        ----------
        name : str
        function : callable (magnitude [*batch, n_voxels], sequence, voxels) -> [*batch]
        weight : float
        tissues : str or tuple of str, optional
            Names of the tissues whose voxels the function gets; all if not given.

        Raises
        ------
        ProblemError
            If the name is taken or a tissue is not defined.
        """
        if name in {term.name for term in self.objective.terms}:
            raise ProblemError(f"problem '{self.name}' has a term '{name}' already")
        names = [tissue.name for tissue in self.tissues]
        tissues = (tissues,) if isinstance(tissues, str) else tissues
        for tissue in tissues or ():
            if tissue not in names:
                raise ProblemError(f"tissue '{tissue}' is not defined{nearest(tissue, names)}")
        indices = None if tissues is None else tuple(names.index(tissue) for tissue in tissues)
        return replace(
            self, objective=Objective((*self.objective.terms, Term(name, function, weight, indices)))
        )

    def voxels(
        self,
        n_per_tissue: int = STANDARD_N_PER_TISSUE,
        *,
        method: Literal["sobol", "random", "nominal"] = "sobol",
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
    ) -> Voxels:
        """Sample voxels of all tissues.

        Parameters
        ----------
        n_per_tissue : int
            Exactly for "sobol", on average for "random"; "nominal" has one.
        method : str
            "sobol": deterministic and even. "random": independent draws, as in the paper.
            "nominal": mean tissue, b1 = 1, b0 = 0.
        seed : int
            Of the scramble or of the draws.

        Raises
        ------
        ValueError
            If the method is unknown or the number is not positive.
        """
        if method == "sobol":
            return sobol_voxels(self.tissues, self.imaging, n_per_tissue, seed=seed, dtype=dtype)
        if method == "random":
            n_voxels = n_per_tissue * len(self.tissues)
            return random_voxels(self.tissues, self.imaging, n_voxels, seed=seed, dtype=dtype)
        if method == "nominal":
            return nominal_voxels(self.tissues, self.imaging, dtype=dtype)
        raise ValueError(f"method must be sobol, random or nominal, got {method!r}")

    def voxel_grid(self, *, b0: Any, b1: Any) -> Voxels:
        """Nominal tissues on a grid, [n_tissues * n_b0 * n_b1] voxels, b1 fastest.

        Parameters
        ----------
        b0 : array-like [n_b0], Hz
        b1 : array-like [n_b1], relative to nominal
        """
        b0, b1 = (torch.as_tensor(part, dtype=torch.float64) for part in (b0, b1))
        return grid_voxels(self.tissues, self.imaging, b0=b0, b1=b1)

    def notes(self) -> list[str]:
        """What is allowed but looks like a mistake, a line each; units above all."""
        space = self.search_space
        notes = [
            f"T1 of {tissue.name} is {tissue.t1.centre * 1e3:g} ms: seconds given for milliseconds?"
            for tissue in self.tissues
            if tissue.t1.centre < SHORTEST_LIKELY_T1
        ]
        notes += [
            f"{100 * share:.2g} % of the draws of {name} in {tissue.name} fall below 1 % of the mean"
            " and are clipped"
            for tissue in self.tissues
            for name, share in clipped_share(tissue).items()
            if share > NEGLIGIBLE_SHARE
        ]
        if all(tissue.t2.centre < space.min_rf_delay for tissue in self.tissues):
            notes.append("T2 of every tissue is shorter than min_rf_delay_ms: no signal is left to read")
        if space.flip_range[1] < SMALLEST_LIKELY_FLIP_RANGE:
            notes.append("flip_range_deg ends below 13 degrees: radians given for degrees?")
        if all(term.function in SEQUENCE_TERMS.values() for term in self.objective.terms):
            notes.append("no term of the objective is of the signal: doing nothing is best")
        return notes

    def loss(self, sequence: Sequence, voxels: Voxels, engine: str = "auto") -> Float[Tensor, "*batch"]:
        """Objective of each sequence over the voxels, differentiable."""
        return self.objective(simulate(sequence, voxels, engine), sequence, voxels)

    def loss_and_gradient(self, voxels: Voxels, engine: str = "auto") -> LossFunction:
        """Prepare the loss over the voxels for many sequences; see `sequence_search.loss.make_loss`.

        Returns
        -------
        callable (sequence [*batch, n_rf]) -> (loss [*batch], gradient)
        """
        return make_loss(self.objective, voxels, engine)

    def evaluate(self, sequence: Sequence, engine: str = "auto") -> Evaluation:
        """Loss, its parts, nominal signals and cost of a single sequence.

        Raises
        ------
        ValueError
            If it is a batch.
        """
        single = sequence.without_padding().detach()
        voxels = self.voxels()
        parts = self.objective.parts(simulate(single, voxels, engine), single, voxels)
        terms = {name: float(part) for name, part in parts.items()}
        nominal = simulate(single, self.voxels(method="nominal"), engine).abs().tolist()
        energy = float(single.rf_energy)
        return Evaluation(
            loss=sum(terms.values()),
            terms=terms,
            signal={tissue.name: value for tissue, value in zip(self.tissues, nominal, strict=True)},
            rf_energy=energy,
            relative_rf_energy=energy / CONVENTIONAL_RF_ENERGY,
            time_to_readout=float(single.time_to_readout),
        )


def builtin_problems() -> list[str]:
    """Names of the problems shipped with the package: the paper's conditions, in its order."""
    order = (
        "max-signal",
        "gm-wm-t2-w20",
        "gm-wm-t2-w30",
        "gm-wm-t2-w50",
        "gm-wm",
        "csf-null-w0.25",
        "csf-null-w1",
    )
    shipped = {
        entry.name.removesuffix(".toml") for entry in _folder().iterdir() if entry.name.endswith(".toml")
    }
    return [name for name in order if name in shipped] + sorted(shipped - set(order))


def problem_text(name_or_path: str | Path) -> str:
    """Text of a problem file, built in or at a path.

    Raises
    ------
    ProblemError
        If there is none, or it cannot be read.
    """
    if str(name_or_path) in builtin_problems():
        return str((_folder() / f"{name_or_path}.toml").read_text(encoding="utf-8"))
    path = Path(name_or_path)
    if path.is_dir():
        raise ProblemError(f"{name_or_path}: is a folder, not a problem file")
    if not path.exists():
        hint = nearest(str(name_or_path), builtin_problems())
        raise ProblemError(f"{name_or_path}: no such file and no built-in problem{hint}")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProblemError(f"{name_or_path}: cannot be read: {error}") from None


def _inline_distributions(tables: dict[str, Any]) -> dict[str, Any]:
    """Set each { mean, sd } and { low, high } on the line of its key, as the shipped files have them."""
    lines: dict[str, Any] = {}
    for key, value in tables.items():
        if not isinstance(value, dict):
            lines[key] = value
        elif set(value) in ({"mean", "sd"}, {"low", "high"}):
            lines[key] = tomlkit.inline_table()
            lines[key].update(value)
        else:
            lines[key] = _inline_distributions(value)
    return lines


def _folder() -> Any:
    return resources.files("sequence_search") / "problems"


def _rounded(value: float) -> float:
    """Twelve digits: they undo the rounding of a unit conversion, so that 110 ms read is 110 ms written."""
    return float(f"{value:.12g}")


def _scaled(distribution: Distribution, factor: float) -> Distribution:
    if isinstance(distribution, Normal):
        return Normal(_rounded(distribution.mean * factor), _rounded(distribution.sd * factor))
    return Uniform(_rounded(distribution.low * factor), _rounded(distribution.high * factor))


def _tissue(name: str, table: TissueTable) -> Tissue:
    times = (_scaled(time, 1e-3) for time in (table.t1_ms, table.t2_ms, table.t2_prime_ms))
    return Tissue(name, table.m0, *times)


def _search_space(table: SearchSpaceTable) -> SearchSpace:
    low, high = table.flip_range_deg
    return SearchSpace(
        max_rf=table.max_rf,
        rf_candidates=table.rf_candidates,
        flip_range=(math.radians(low), math.radians(high)),
        wait_ranges=tuple((start / 1e3, end / 1e3) for start, end in table.wait_ranges_ms),
        min_rf_delay=table.min_rf_delay_ms / 1e3,
        max_delay=table.max_delay_ms / 1e3,
    )


def _tables(problem: Problem) -> ProblemTables:
    """The problem in the units and names of its file."""
    space = problem.search_space
    return ProblemTables(
        name=problem.name,
        title=problem.title,
        tissues={
            tissue.name: TissueTable(
                m0=tissue.m0,
                t1_ms=_scaled(tissue.t1, 1e3),
                t2_ms=_scaled(tissue.t2, 1e3),
                t2_prime_ms=_scaled(tissue.t2_prime, 1e3),
            )
            for tissue in problem.tissues
        },
        imaging=ImagingTable(
            b1=problem.imaging.b1, b0_hz=problem.imaging.b0, spread_hz=problem.imaging.spread
        ),
        objective=tuple(_term_table(term, problem) for term in problem.objective.terms),
        search_space=SearchSpaceTable(
            max_rf=space.max_rf,
            rf_candidates=space.rf_candidates,
            flip_range_deg=(
                _rounded(math.degrees(space.flip_range[0])),
                _rounded(math.degrees(space.flip_range[1])),
            ),
            wait_ranges_ms=tuple(
                (_rounded(low * 1e3), _rounded(high * 1e3)) for low, high in space.wait_ranges
            ),
            min_rf_delay_ms=_rounded(space.min_rf_delay * 1e3),
            max_delay_ms=_rounded(space.max_delay * 1e3),
        ),
    )


def _term_table(term: Term, problem: Problem) -> TermTable:
    for name, function in TERMS.items():
        if function is term.function:
            tissues = None if term.tissues is None else tuple(problem.tissues[i].name for i in term.tissues)
            return TermTable(term=name, weight=term.weight, tissues=tissues)
    raise ProblemError(f"term '{term.name}' is a Python function, which has no form in a problem file")
