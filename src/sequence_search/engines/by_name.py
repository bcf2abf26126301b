"""The engines in torch that play sequences step by step, by the names that users give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from sequence_search.engines.isochromats import Isochromats, draw_offsets
from sequence_search.engines.pathways import Pathways
from sequence_search.engines.steps import Steps
from sequence_search.voxels import Voxels


def _isochromats(voxels: Voxels, offsets: Tensor | None = None, **options: Any) -> Isochromats:
    return Isochromats(voxels, draw_offsets(voxels, **options) if offsets is None else offsets)


ENGINES: dict[str, Callable[..., Steps]] = {"pathways": Pathways, "isochromats": _isochromats}


def check_engine(name: str) -> None:
    """Refuse an engine that does not exist.

    Raises
    ------
    ValueError
        With the names that there are.
    """
    known = ("auto", "fused", *ENGINES, "configurations")
    if name not in known:
        raise ValueError(f"engine must be one of {', '.join(known)}, got {name!r}")
