"""Libraries of the extras, imported where they are used."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class MissingExtraError(ValueError):
    """A library that is not installed, and how it is."""


def imported(module: str, extra: str, what: str) -> Any:
    """Module of a library of an extra.

    Parameters
    ----------
    what : needs it, in words

    Raises
    ------
    MissingExtraError
        If it is not there.
    """
    try:
        return import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        raise MissingExtraError(
            f"{what} needs {name}: pip install 'sequence-search[{extra}]' ({error})"
        ) from None
