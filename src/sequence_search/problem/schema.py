"""The problem file: its tables, in TOML or as plain data, and back.

A table has the fields of the type that it makes, in SI units; a field's alias is its key in the file, the
unit in its annotation that of the key. Defaults are those of the type.
"""

from __future__ import annotations

import math
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sequence_search.acquisition import Acquisition
from sequence_search.checks import Fault
from sequence_search.classify import CategoryRule
from sequence_search.estimation import Estimate
from sequence_search.limits import Limits
from sequence_search.objective import TERMS, Objective, Term
from sequence_search.problem.acquisition_table import AcquisitionTable
from sequence_search.problem.conventional_table import ConventionalTable
from sequence_search.problem.errors import ProblemError, explained, keys_of, nearest
from sequence_search.problem.limits_table import FixedTable, LimitsTable, SignalLimitsTable
from sequence_search.problem.pulses_table import PulseTable
from sequence_search.problem.table import Table, key
from sequence_search.problem.units import (
    Axes,
    Degrees,
    Milliseconds,
    Number,
    Quantity,
    Time,
    Unit,
    WholeNumber,
)
from sequence_search.search_space import Grid, SearchSpace
from sequence_search.tissue import Distribution, Imaging, Normal, Tissue

DegreeRange = Annotated[tuple[Number, Number], Unit("rad")]
TimeRanges = Annotated[tuple[tuple[Number, Number], ...], Unit("s")]


def _tissue(name: str = "tissue", *, t2_star: Distribution | None = None, **given: Any) -> Tissue:
    """A tissue; T2' of a stated T2* follows from the mean of T2: 1/T2' = 1/T2* - 1/T2."""
    if t2_star is None:
        return Tissue(name, **given)
    star, t2 = t2_star.centre, given["t2"].centre
    if t2_star != Normal(star):
        raise Fault("{t2_star} must be a plain number: state {t2_prime} for one that varies between voxels")
    if not 0 < star <= t2:
        raise Fault("{t2_star} must be above 0 and at most {t2}, got {0:s} and {1:s}", star, t2)
    rate = 1 / star - 1 / t2
    return Tissue(name, **given | {"t2_prime": 1 / rate if rate > 0 else math.inf})


class TissueTable(Table):
    """``[tissues.NAME]``, Table I."""

    makes = staticmethod(_tissue)
    m0: Quantity = Field(description="equilibrium magnetisation, arbitrary units")
    t1: Milliseconds = Field(alias="t1_ms", description="longitudinal relaxation time; inf for none")
    t2: Milliseconds = Field(alias="t2_ms", description="transverse relaxation time; inf for none")
    t2_prime: Milliseconds = Field(alias="t2_prime_ms", description="1/T2' = 1/T2* - 1/T2; inf for none")
    t2_star: Milliseconds = key("t2_star_ms", "in place of t2_prime_ms; a plain number")
    b0: Quantity = key("b0_hz", "frequency of the tissue's own, as of fat, added to the voxel's")

    @model_validator(mode="before")
    @classmethod
    def _either(cls, data: Any) -> Any:
        """T2* stands for T2', which is computed from it."""
        if not isinstance(data, dict) or "t2_star_ms" not in data:
            return data
        if "t2_prime_ms" in data:
            raise ValueError("t2_star_ms takes the place of t2_prime_ms: state one of them, got both")
        return {**data, "t2_prime_ms": math.inf}


class ImagingTable(Table):
    """``[imaging]``, Table I."""

    makes = Imaging
    b1: Quantity = Field(description="transmit field relative to nominal, which is 1")
    b0: Quantity = Field(alias="b0_hz", description="off-resonance, which differs between voxels")
    spread: Quantity = Field(
        alias="spread_hz", description="half width of the spread within a voxel, uniform"
    )


class SearchSpaceTable(Table):
    """``[search_space]``, Sec. II.B."""

    makes = SearchSpace
    max_rf: WholeNumber = key(None, "the most pulses of a sequence")
    rf_candidates: WholeNumber = key(None, "RF operations of a layer, of proxyless")
    flip_range: DegreeRange = key("flip_range_deg", "of the flip angles at the start only; see max_flip_deg")
    max_flip: Degrees = key("max_flip_deg", "a bound that holds for every flip angle; inf for none")
    wait_ranges: TimeRanges = key("wait_ranges_ms", "ranges of the waits at the start")
    min_rf_delay: Time = key("min_rf_delay_ms", "shortest delay after a pulse")
    max_delay: Time = key("max_delay_ms", "longest delay after a pulse")
    pulses: tuple[str, ...] = key(None, "kinds of pulse to choose from, of [pulses]")
    gradients: tuple[str, ...] = key(None, "what may stand between pulses")
    crusher: Time = key("crusher_ms", "time of a crusher or spoiler")


class GridTable(Table):
    """``[grid]``, Table IV; each list has one entry for each pulse."""

    makes = Grid
    flip_angle: Annotated[Axes, Unit("rad")] = Field(alias="flip_deg")
    phase: Annotated[Axes, Unit("rad")] = Field(alias="phase_deg")
    delay: Annotated[Axes, Unit("s")] = Field(alias="delay_ms")


class CategoryTable(Table):
    """``[[category]]``, Tables II and III."""

    makes = CategoryRule
    name: str
    flips: Annotated[tuple[Number, ...], Unit("rad")] = Field(alias="flips_deg")
    flip_tolerance: Degrees = key("flip_tolerance_deg")
    early_below: Degrees = key("early_flips_below_deg")
    n_rf: tuple[WholeNumber, ...] = key()
    refocusing_phases: Annotated[tuple[Number, ...], Unit("rad")] = key("refocusing_phase_deg")
    phase_tolerance: Degrees = key("phase_tolerance_deg")
    ti_above: Time = key("ti_above_ms")


class TermTable(BaseModel):
    """``[[objective]]``, Eqs. (4) to (6)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    term: str = Field(description="what is counted; see the documentation for all terms")
    weight: Number = Field(description="how much it counts")
    tissues: tuple[str, ...] | None = key(None, "whose voxels; several are pooled in one mean")
    brighter: str | None = key(None, "of a contrast, the tissue that is to be the brighter")
    worst_share: Number = key(None, "share of the voxels, the worst, that the mean is over; all if left out")
    readouts: tuple[WholeNumber, ...] | None = key(
        None, "of several, those that count, from 1; all if left out"
    )
    parameter: str | None = key(None, "of a crlb, what is estimated: m0, t1 or t2")
    unknown: tuple[str, ...] | None = key(None, "all that is estimated together; m0 and the parameter")
    noise: Number = key(None, "standard deviation of |Mxy|, in the unit of m0")

    @model_validator(mode="after")
    def _check(self) -> TermTable:
        tissues = self.tissues or ()
        if self.term not in TERMS:
            raise ValueError(f"unknown term '{self.term}'{nearest(self.term, list(TERMS))}")
        if len(set(tissues)) < len(tissues):
            raise ValueError(f"tissues must differ, got {list(tissues)}")
        if not tissues and TERMS[self.term].n_tissues[0]:
            raise ValueError(f"term '{self.term}' needs tissues, for example tissues = [\"GM\"]")
        if self.brighter is not None and self.brighter not in tissues:
            raise ValueError(f"brighter must be one of the tissues {list(tissues)}, got '{self.brighter}'")
        self.make(self.term, list(tissues))
        return self

    def make(self, name: str, tissues: list[str]) -> Term:
        """The term, of a problem with these tissues."""
        indices = None if self.tissues is None else tuple(map(tissues.index, self.tissues))
        brighter = None if self.brighter is None else tissues.index(self.brighter)
        worst_share = 1.0 if self.worst_share is None else self.worst_share
        kind = TERMS[self.term]
        how = self.weight, indices, brighter, worst_share, self.readouts
        return Term(name, kind, *how, self._estimate())

    def _estimate(self) -> Estimate | None:
        given = {name: getattr(self, name) for name in ("unknown", "noise")}
        stated = {name: value for name, value in given.items() if value is not None}
        if self.parameter is None:
            if stated:
                raise ValueError(f"{', '.join(stated)} of term '{self.term}' needs parameter, as \"t2\"")
            return None
        return Estimate(self.parameter, **stated)


class ProblemTables(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    title: str = ""
    tissues: dict[str, TissueTable]
    imaging: ImagingTable
    objective: tuple[TermTable, ...]
    pulses: dict[str, PulseTable] = Field({})
    sequence: AcquisitionTable | None = None
    search_space: SearchSpaceTable | None = None
    limits: LimitsTable | None = None
    conventional: ConventionalTable | None = None
    grid: GridTable | None = None
    category: tuple[CategoryTable, ...] = ()

    @model_validator(mode="after")
    def _tissues_are_defined(self) -> ProblemTables:
        known = list(self.tissues)
        for number, term in enumerate(self.objective, start=1):
            for tissue in term.tissues or ():
                if tissue not in known:
                    where = f"objective[{number}] ({term.term})"
                    raise ValueError(f"{where}: tissue '{tissue}' is not defined{nearest(tissue, known)}")
        return self


TABLES: dict[str, type[BaseModel]] = {
    "": ProblemTables,
    "tissues": TissueTable,
    "imaging": ImagingTable,
    "objective": TermTable,
    "pulses": PulseTable,
    "sequence": AcquisitionTable,
    "search_space": SearchSpaceTable,
    "limits": LimitsTable,
    "limits.signal": SignalLimitsTable,
    "limits.head": FixedTable,
    "limits.tail": FixedTable,
    "conventional": ConventionalTable,
    "category": CategoryTable,
    "grid": GridTable,
}


# Keys of what is checked against the rest of the file, in its words.
FILE_KEYS = {
    name: f"{table}.{key}"
    for table in ("search_space", "sequence", "limits")
    for name, key in keys_of(TABLES[table]).items()
}


def read_tables(text: str, source: str) -> dict[str, Any]:
    """Fields of a problem from the text of its file, in TOML; `source` names it in a ProblemError."""
    try:
        content = tomllib.loads(text.removeprefix("\ufeff"))
        tables = ProblemTables.model_validate(content, context={"folder": Path(source).parent})
        return _made(tables)
    except tomllib.TOMLDecodeError as error:
        raise ProblemError(f"{source}: not valid TOML: {error}") from None
    except ValidationError as error:
        lines = explained(error, TABLES)
    except Fault as fault:
        lines = [fault.told({})]
    raise ProblemError("\n".join(f"{source}: {line}" for line in lines)) from None


def _made(tables: ProblemTables) -> dict[str, Any]:
    names = list(tables.tissues)
    counts: Counter[str] = Counter()
    terms = []
    for table in tables.objective:
        counts[table.term] += 1
        # The second of a name is called "signal-2".
        name = table.term if counts[table.term] == 1 else f"{table.term}-{counts[table.term]}"
        terms.append(table.make(name, names))
    return {
        "name": tables.name,
        "title": tables.title,
        "tissues": tuple(table.make(name) for name, table in tables.tissues.items()),
        "imaging": tables.imaging.make(),
        "objective": Objective(tuple(terms)),
        "pulses": {name: table.make() for name, table in tables.pulses.items()},
        "acquisition": Acquisition() if tables.sequence is None else tables.sequence.make(),
        "search_space": SearchSpace() if tables.search_space is None else tables.search_space.make(),
        "limits": Limits() if tables.limits is None else tables.limits.make(),
        "conventional": None if tables.conventional is None else tables.conventional.make(),
        "grid": None if tables.grid is None else tables.grid.make(),
        "categories": tuple(table.make() for table in tables.category),
    }
