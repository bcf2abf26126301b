"""Terms that are Python functions of the user's own."""

from __future__ import annotations

from sequence_search.objective import Term, TermFunction, own_term
from sequence_search.problem.errors import ProblemError, nearest


def own_term_of(
    name: str, function: TermFunction, weight: float, tissues: tuple[str, ...] | str | None, known: list[str]
) -> Term:
    """A term of a function, over the voxels of tissues by name, of those known; None is all.

    Raises
    ------
    ProblemError
        If a tissue is not known, or the names are none.
    """
    tissues = (tissues,) if isinstance(tissues, str) else tissues
    if tissues is not None and not tissues:
        raise ProblemError(f"term '{name}' names no tissue: leave tissues out for all of them")
    for tissue in tissues or ():
        if tissue not in known:
            raise ProblemError(f"tissue '{tissue}' is not defined{nearest(tissue, known)}")
    indices = None if tissues is None else tuple(map(known.index, tissues))
    return Term(name, own_term(function), weight, indices)
