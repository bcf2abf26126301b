"""A problem and its parts as the tables of its file, with or without what has its default."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from sequence_search.acquisition import Acquisition
from sequence_search.limits import Limits
from sequence_search.objective import Term
from sequence_search.problem.errors import ProblemError
from sequence_search.problem.schema import TABLES
from sequence_search.problem.units import Unit, plain
from sequence_search.pulses.kinds import Kind
from sequence_search.pulses.shapes import Samples, shape_name
from sequence_search.system import system_table

if TYPE_CHECKING:
    from sequence_search.problem.problem import Problem


def write_problem(problem: Problem) -> dict[str, Any]:
    """A problem as the tables of its file, see `Problem.to_dict`."""
    names = [tissue.name for tissue in problem.tissues]
    repeated = problem.acquisition != Acquisition()
    optional = {
        "pulses": {name: write_pulse(kind) for name, kind in problem.pulses.items()},
        "sequence": write_table("sequence", problem.acquisition) if repeated else {},
        "search_space": write_table("search_space", problem.search_space),
        "limits": write_limits(problem.limits),
        **{
            name: write_table(name, part, defaults=False)
            for name in ("conventional", "grid")
            if (part := getattr(problem, name)) is not None
        },
    }
    return {
        "name": problem.name,
        "title": problem.title,
        "tissues": {tissue.name: write_table("tissues", tissue) for tissue in problem.tissues},
        "imaging": write_table("imaging", problem.imaging),
        "objective": [write_term(term, names) for term in problem.objective.terms],
        **{name: table for name, table in optional.items() if table},
        "category": [write_table("category", rule) for rule in problem.categories],
    }


def write_table(key: str, value: Any, *, defaults: bool = True) -> dict[str, Any]:
    """A part of a problem as the table of that key in a file, with or without what has its default."""
    written = {}
    types = {each.name: each for each in fields(value)}
    for name, field in TABLES[key].model_fields.items():
        part = getattr(value, name, None)
        if part is None or (part == types[name].default and not defaults):
            continue
        unit = next((each for each in field.metadata if isinstance(each, Unit)), None)
        written[field.alias or name] = plain(part) if unit is None else unit.write(part)
    return written


def write_pulse(kind: Kind, *, defaults: bool = True) -> dict[str, Any]:
    """A kind of pulse as the table of a file, its samples within."""
    written = {"shape": shape_name(kind)} | write_table("pulses", kind, defaults=defaults)
    if isinstance(kind, Samples):
        written["samples"] = [[sample.real, sample.imag] for sample in kind.samples]
    return written


def write_limits(limits: Limits) -> dict[str, Any]:
    """Limits as the table of a file; empty without any."""
    numbers = replace(limits, signal=(), head=None, tail=None)
    written = write_table("limits", numbers, defaults=False)
    if limits.system is not None:
        written["system"] = system_table(limits.system)
    if limits.signal:
        signals = {each.tissue: write_table("limits.signal", each) for each in limits.signal}
        written["signal"] = signals
    for name in ("head", "tail"):
        part = getattr(limits, name)
        if part is not None:
            written[name] = write_table(f"limits.{name}", part, defaults=False)
    return written


def write_term(term: Term, tissues: list[str]) -> dict[str, Any]:
    """A term as in a file; ProblemError if it is a Python function of the user's own."""
    if term.kind.own:
        raise ProblemError(f"term '{term.name}' is a Python function, which has no form in a problem file")
    written: dict[str, Any] = {"term": term.kind.name, "weight": term.weight}
    if term.tissues is not None:
        written["tissues"] = [tissues[index] for index in term.tissues]
    if term.brighter is not None:
        written["brighter"] = tissues[term.brighter]
    if term.worst_share != 1:
        written["worst_share"] = term.worst_share
    if term.readouts is not None:
        written["readouts"] = list(term.readouts)
    if term.estimate is not None:
        written |= {name: plain(value) for name, value in asdict(term.estimate).items()}
    return written
