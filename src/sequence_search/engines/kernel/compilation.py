"""How the kernel's functions are compiled: for speed, or with every index checked.

With SEQUENCE_SEARCH_CHECK_KERNEL=1 in the environment the same functions work on arrays in place of pointers,
and one that reads or writes outside its part of the memory raises IndexError.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache

CHECKED = os.environ.get("SEQUENCE_SEARCH_CHECK_KERNEL") == "1"
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "boundscheck": CHECKED}

inner = njit(forceinline=not CHECKED, **OPTIONS)
outer = njit(**OPTIONS)  # called, for what is seldom needed: it neither slows down nor lengthens its caller

_FILES = (path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
SOURCE = hashlib.sha256(bytes([CHECKED]) + b"".join(_FILES)).hexdigest()


class _Cache(FunctionCache):
    """Compiled code on disk. numba looks at the function's own file only; this at those inlined as well."""

    def _index_key(self, sig, codegen):
        return (*super()._index_key(sig, codegen), SOURCE)


def cached(function: Callable[..., Any]) -> Any:
    """Compile a function when first called, and keep the code on disk."""
    compiled = njit(**OPTIONS)(function)
    with contextlib.suppress(RuntimeError):  # there may be nowhere to write
        compiled._cache = _Cache(function)
    return compiled
