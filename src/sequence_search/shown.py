"""What values show of themselves in a notebook, drawn by layers above them that are found when needed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def above(module: str, function: str) -> Callable[..., Any]:
    """A function of a module of this package that stands above the caller.

    The one way up: a value cannot import what draws it, as that imports the value.
    """
    found: Callable[..., Any] = getattr(import_module(f"sequence_search.{module}"), function)
    return found


class Shown:
    """A value that a notebook shows as `sequence_search.notebook.html` says."""

    __slots__ = ()

    def _repr_html_(self) -> str | None:
        """For IPython; None where the plain text says it all."""
        page: str | None = above("notebook.html", "html")(self)
        return page
