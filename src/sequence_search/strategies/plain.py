"""Any frozen dataclass as the arrays and JSON values of a checkpoint, and back, to the last bit."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import torch

_types = functools.cache(get_type_hints)


@functools.cache
def _names(kind: type) -> set[str]:
    return {field.name for field in fields(kind)}


def to_plain(state: Any) -> dict[str, Any]:
    """Arrays by name and, as "state", JSON values that refer to them.

    Parameters
    ----------
    state : dataclass
        Of dataclasses (a `Sequence` is one), named tuples, tuples, dicts, tensors, arrays, numbers, text.
    """
    arrays: dict[str, np.ndarray] = {}

    def plain(value: Any) -> Any:
        if isinstance(value, torch.Tensor | np.ndarray):
            kind = "tensor" if isinstance(value, torch.Tensor) else "array"
            name = f"{kind}{len(arrays)}"
            arrays[name] = value.detach().numpy() if isinstance(value, torch.Tensor) else value
            return {kind: name}
        if is_dataclass(value):
            return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        if isinstance(value, dict):
            return {name: plain(part) for name, part in value.items()}
        return [plain(part) for part in value] if isinstance(value, tuple | list) else value

    return {"state": plain(state), **arrays}


def from_plain(kind: Any, value: Any, arrays: Mapping[str, Any]) -> Any:
    """Value of a type from what `to_plain` made of it.

    Parameters
    ----------
    kind : type
        Its annotations say which dataclasses and tuples the values are of.
    value : JSON value
        That under "state", or a part of it.
    arrays : dict
        The arrays by name.
    """
    if isinstance(value, dict) and tuple(value) in (("tensor",), ("array",)):
        ((of_torch, name),) = value.items()
        array = arrays[name].copy()  # a checkpoint may be read again
        return torch.from_numpy(array) if of_torch == "tensor" else array
    if isinstance(kind, type) and is_dataclass(kind):
        # A dataclass with slots is made twice: the second counts.
        kinds = reversed(kind.__subclasses__())
        kind = next((each for each in kinds if _names(each) == set(value)), kind)
        types = _types(kind)
        return kind(**{name: from_plain(types[name], part, arrays) for name, part in value.items()})
    if get_origin(kind) is tuple:
        return tuple(from_plain(get_args(kind)[0], part, arrays) for part in value)
    return kind(*value) if isinstance(value, list) else value  # a named tuple
