"""What a problem is, in a hash: equal for problems whose designs are comparable.

It is of the file's form without defaults, so that a field that is added with a default changes none. Names
and titles of problems, grids and categories do not count.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import CodeType, FunctionType, MethodType
from typing import Any

from sequence_search.acquisition import Acquisition
from sequence_search.limits import Limits
from sequence_search.objective import Objective, Term
from sequence_search.problem.writing import write_limits, write_pulse, write_table, write_term
from sequence_search.pulses.kinds import Kind
from sequence_search.search_space import SearchSpace
from sequence_search.tissue import Imaging, Tissue


def digest(
    tissues: tuple[Tissue, ...],
    imaging: Imaging,
    objective: Objective,
    search_space: SearchSpace,
    limits: Limits,
    pulses: Mapping[str, Kind] | None = None,
    acquisition: Acquisition | None = None,
) -> str:
    """SHA-256 of all that affects a design, in hex.

    A Python term counts by its code, constants, defaults and what it encloses, an object by its attributes.
    """
    names = [tissue.name for tissue in tissues]
    content = [
        [[tissue.name, write_table("tissues", tissue, defaults=False)] for tissue in tissues],
        write_table("imaging", imaging, defaults=False),
        [_term(term, names) for term in objective.terms],
        write_table("search_space", search_space, defaults=False),
    ]
    if limits:
        content.append(write_limits(_of_designs(limits)))
    if pulses:
        content.append({name: write_pulse(kind, defaults=False) for name, kind in pulses.items()})
    if acquisition is not None and acquisition != Acquisition():
        content.append(write_table("sequence", acquisition, defaults=False))
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _of_designs(limits: Limits) -> Limits:
    """Without the model of nerve stimulation: no search looks at it, and it is a path of this machine."""
    if limits.system is None:
        return limits
    return replace(limits, system=replace(limits.system, pns_model=""))


def _term(term: Term, tissues: list[str]) -> Any:
    weight = float(f"{term.weight:.12g}")
    if not term.kind.own:
        return write_term(term, tissues) | {"weight": weight}
    return [term.name, _by_value(term.kind.function), weight, term.tissues]


def _by_value(value: Any, inside: tuple[int, ...] = ()) -> Any:
    """Plain data that are equal if the values are; of an object its type and attributes.

    `inside` are the identities of the values that this one is a part of, which end a circle.
    """
    if id(value) in inside:
        return "itself"
    parts: Sequence[Any]
    match value:
        case None | bool() | int() | float() | complex() | str() | bytes():
            return repr(value)
        case set() | frozenset():
            return sorted(map(repr, value))
        case tuple() | list():
            parts = value
        case dict():
            parts = [part for pair in value.items() for part in pair]
        case CodeType():
            parts = [value.co_code, value.co_consts, value.co_names]
        case functools.partial():
            parts = [value.func, value.args, value.keywords]
        case FunctionType():
            enclosed = [cell.cell_contents for cell in value.__closure__ or ()]
            parts = [value.__code__, value.__defaults__, value.__kwdefaults__, enclosed]
        case _ if hasattr(value, "tolist"):  # a tensor or an array
            parts = [value.tolist()]
        case MethodType():
            parts = [value.__func__, value.__self__]
        case _ if hasattr(value, "__dict__") and not hasattr(value, "__name__"):  # no module, no class
            parts = [type(value), vars(value)]
        case _:
            kind = value if hasattr(value, "__qualname__") else type(value)
            return f"{kind.__module__}.{kind.__qualname__}"
    return [_by_value(part, (*inside, id(value))) for part in parts]
