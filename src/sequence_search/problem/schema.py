"""The problem file: its schema in TOML, with units in the names, and errors that say what would be right."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from sequence_search.distributions import Distribution, Normal, Uniform
from sequence_search.objective import TERMS
from sequence_search.problem.category import CategoryTable
from sequence_search.problem.grid_table import AxisTable, GridTable


class ProblemError(ValueError):
    """A problem file that cannot be read, with every fault on a line of its own."""


def nearest(word: str, known: list[str]) -> str:
    """Return ", did you mean 'x'?" for the nearest known word, else the list of what is known."""
    close = _closest(word, known)
    return f", did you mean '{close}'?" if close else f"; known are {', '.join(known)}"


def _closest(word: str, known: list[str]) -> str | None:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return close[0] if close else None


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or str(value) == "nan":
        raise ValueError(f"must be a number, got {value!r}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError("must be a number below 1e308, got a larger one") from None


def _distribution(value: object) -> Distribution:
    """A number, { mean, sd } or { low, high }."""
    if isinstance(value, Normal | Uniform):
        return value
    if not isinstance(value, dict):
        return Normal(_number(value))
    keys = set(value)
    if keys == {"mean", "sd"}:
        normal = Normal(_number(value["mean"]), _number(value["sd"]))
        if not 0 <= normal.sd < math.inf:
            raise ValueError(f"sd must be at least 0, got {normal.sd:g}")
        return normal
    if keys == {"low", "high"}:
        uniform = Uniform(_number(value["low"]), _number(value["high"]))
        if not -math.inf < uniform.low <= uniform.high < math.inf:
            raise ValueError(
                f"low must not exceed high, both finite, got {uniform.low:g} and {uniform.high:g}"
            )
        return uniform
    raise ValueError(f"must be a number, {{ mean, sd }} or {{ low, high }}, got the keys {sorted(keys)}")


def _dump_distribution(value: Distribution) -> float | dict[str, float]:
    if isinstance(value, Uniform):
        return {"low": value.low, "high": value.high}
    return {"mean": value.mean, "sd": value.sd} if value.sd else value.mean


def _ends(value: Distribution) -> tuple[float, float]:
    return (value.mean, value.mean) if isinstance(value, Normal) else (value.low, value.high)


def _within(low: float, high: float, hint: str) -> AfterValidator:
    """Bounds that no real tissue or scanner leaves: they catch the wrong unit."""

    def check(value: Distribution) -> Distribution:
        for end in _ends(value):
            if not low <= end <= high:
                raise ValueError(f"must lie between {low:g} and {high:g} ({hint}), got {end:g}")
        return value

    return AfterValidator(check)


def _narrow(value: Distribution) -> Distribution:
    """Refuse a normal distribution that reaches far below zero, where a tissue property has no meaning."""
    if isinstance(value, Normal) and value.sd > value.mean / 2:
        raise ValueError(f"sd must be at most half of the mean ({value.mean:g}), got {value.sd:g}")
    return value


Quantity = Annotated[Distribution, PlainValidator(_distribution), PlainSerializer(_dump_distribution)]
NARROW = AfterValidator(_narrow)
Number = Annotated[float, BeforeValidator(_number)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TissueTable(_Strict):
    """``[tissues.NAME]``, Table I."""

    m0: Annotated[Quantity, _within(0.0, 1e3, "arbitrary units"), NARROW]
    t1_ms: Annotated[Quantity, _within(1.0, 1e5, "milliseconds"), NARROW]
    t2_ms: Annotated[Quantity, _within(0.01, 1e5, "milliseconds"), NARROW]
    t2_prime_ms: Annotated[Quantity, _within(0.01, math.inf, "milliseconds; inf for none"), NARROW]

    @model_validator(mode="after")
    def _t2_below_twice_t1(self) -> TissueTable:
        t1, t2 = (_ends(distribution)[1] for distribution in (self.t1_ms, self.t2_ms))
        if t2 > 2 * t1:
            raise ValueError(f"t2_ms must not exceed twice t1_ms, got {t2:g} and {t1:g}")
        return self


class ImagingTable(_Strict):
    """``[imaging]``, Table I."""

    b1: Annotated[Quantity, _within(0.0, 5.0, "relative to nominal, which is 1"), NARROW]
    b0_hz: Annotated[Quantity, _within(-1e5, 1e5, "hertz")]
    spread_hz: Annotated[Quantity, _within(0.0, 1e5, "hertz, half of the full width"), NARROW]


class TermTable(_Strict):
    """``[[objective]]``, Eqs. (4) to (6)."""

    term: str
    weight: Number
    tissues: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _check(self) -> TermTable:
        if self.term not in TERMS:
            raise ValueError(f"unknown term '{self.term}'{nearest(self.term, list(TERMS))}")
        if not 0 <= self.weight < math.inf:
            raise ValueError(f"weight must be at least 0, got {self.weight:g}")
        if TERMS[self.term].of == "sequence":
            if self.tissues is not None:
                raise ValueError(f"term '{self.term}' concerns the sequence, so it takes no tissues")
            return self
        count = len(set(self.tissues or ()))
        if count != len(self.tissues or ()):
            raise ValueError(f"tissues must differ, got {list(self.tissues or ())}")
        if self.term == "contrast" and count != 2:
            raise ValueError(f"term 'contrast' needs exactly two tissues, got {count}")
        if count == 0:
            raise ValueError(f"term '{self.term}' needs tissues, for example tissues = [\"GM\"]")
        return self


class SearchSpaceTable(_Strict):
    """``[search_space]``, Sec. II.B."""

    max_rf: int = Field(default=5, ge=1, le=8, strict=True)
    rf_candidates: int = Field(default=5, ge=1, le=180, strict=True)
    flip_range_deg: tuple[Number, Number] = (0.0, 180.0)
    wait_ranges_ms: tuple[tuple[Number, Number], ...] = ((1.0, 10.0), (10.0, 100.0), (100.0, 1000.0))
    min_rf_delay_ms: Number = 6.2
    max_delay_ms: Number = 10_000.0

    @model_validator(mode="after")
    def _check(self) -> SearchSpaceTable:
        if not 0 < self.min_rf_delay_ms < self.max_delay_ms < math.inf:
            raise ValueError(
                "min_rf_delay_ms must be above 0 and below max_delay_ms, "
                f"got {self.min_rf_delay_ms:g} and {self.max_delay_ms:g}"
            )
        low, high = self.flip_range_deg
        if not 0 <= low < high <= 360:
            raise ValueError(f"flip_range_deg must rise within 0 to 360, got [{low:g}, {high:g}]")
        for low, high in self.wait_ranges_ms:
            if not 0 < low <= high <= self.max_delay_ms:
                raise ValueError(
                    f"wait_ranges_ms must rise within 0 to max_delay_ms, got [{low:g}, {high:g}]"
                )
        return self


def _plain_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", value):
        raise ValueError(f"must be of letters, digits, '.', '_' and '-', got {value!r}")
    return value


class ProblemTables(_Strict):
    """The whole file."""

    name: Annotated[str, AfterValidator(_plain_name)]
    title: str
    tissues: dict[str, TissueTable]
    imaging: ImagingTable
    objective: tuple[TermTable, ...]
    search_space: SearchSpaceTable = SearchSpaceTable()
    grid: GridTable | None = None
    category: tuple[CategoryTable, ...] = ()

    @model_validator(mode="after")
    def _category_names_differ(self) -> ProblemTables:
        names = [category.name for category in self.category]
        if len(set(names)) < len(names):
            raise ValueError(f"the names of categories must differ, got {names}")
        return self

    @model_validator(mode="after")
    def _tissues_are_defined(self) -> ProblemTables:
        if not self.tissues or not self.objective:
            raise ValueError("a problem needs at least one [tissues.NAME] and one [[objective]]")
        known = ", ".join(self.tissues)
        for number, term in enumerate(self.objective, start=1):
            for tissue in term.tissues or ():
                if tissue not in self.tissues:
                    where = f"objective[{number}] ({term.term})"
                    raise ValueError(f"{where}: tissue '{tissue}' is not defined; defined are {known}")
        return self


def read_tables(text: str, source: str) -> ProblemTables:
    """Parse and check the text of a problem file.

    Parameters
    ----------
    text : str
        TOML.
    source : str
        File or name that errors shall state.

    Raises
    ------
    ProblemError
        Naming the file, the key, what was given and what would be right.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProblemError(f"{source}: not valid TOML: {error}") from None
    try:
        return ProblemTables.model_validate(data)
    except ValidationError as error:
        raise ProblemError("\n".join(f"{source}: {line}" for line in _explain_all(error.errors()))) from None


_TABLES: dict[str, type[BaseModel]] = {
    "tissues": TissueTable,
    "imaging": ImagingTable,
    "objective": TermTable,
    "search_space": SearchSpaceTable,
    "category": CategoryTable,
    "grid": GridTable,
}


def _explain_all(faults: list[ErrorDetails]) -> list[str]:
    """One line for each fault; a key that is missing because it was misspelt is told once."""
    meant = set()
    for fault in faults:
        if fault["type"] == "extra_forbidden":
            closest = _closest(str(fault["loc"][-1]), _keys_beside(fault["loc"]))
            meant.add((*fault["loc"][:-1], closest))
    return [_explain(fault) for fault in faults if fault["type"] != "missing" or fault["loc"] not in meant]


def _keys_beside(keys: tuple[int | str, ...]) -> list[str]:
    table: type[BaseModel] = ProblemTables if len(keys) == 1 else _TABLES[str(keys[0])]
    if table is GridTable and len(keys) > 2:
        table = AxisTable
    return list(table.model_fields)


def _explain(fault: ErrorDetails) -> str:
    """One fault as "key: what was wrong, given, right"."""
    keys = fault["loc"]
    where = ".".join(f"[{key + 1}]" if isinstance(key, int) else key for key in keys).replace(".[", "[")
    kind, given = fault["type"], fault["input"]
    if kind == "extra_forbidden":
        return f"{where}: unknown key{nearest(str(keys[-1]), _keys_beside(keys))}"
    if kind == "missing":
        return f"{where}: is missing"
    if kind == "value_error":
        message = str(fault["ctx"]["error"])
        return f"{where}: {message}" if where else message
    if kind == "tuple_type":
        what = (
            f"tables, each [[{where}]]"
            if where in ("objective", "category")
            else f"values in brackets, as [{given!r}]"
        )
        return f"{where}: must be a list of {what}, got {given!r}"
    return f"{where}: {fault['msg'][0].lower()}{fault['msg'][1:]}, got {given!r}"
