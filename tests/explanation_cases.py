"""Small problems and sequences whose explanation has a closed form."""

from sequence_search.objective import TERMS, Objective, Term
from sequence_search.problem.problem import Problem
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.tissue import Imaging, Tissue


def play(flips, phases, delays):
    """Degrees and ms."""
    return Sequence.from_degrees_ms(flips, phases, delays)


def make_problem(tissues, *terms, b1=1.0, b0=0.0, spread=30.0, **space):
    """Tissues as name: (T1, T2) [s], with M0 = 1 and T2' = 0.1 s; terms as (kind, weight, tissues)."""
    made = tuple(Tissue(name, 1.0, t1, t2, 0.1) for name, (t1, t2) in tissues.items())
    kinds = [
        Term(f"{kind}-{i}", TERMS[kind], weight, of or None) for i, (kind, weight, of) in enumerate(terms)
    ]
    objective = Objective(tuple(kinds or [Term("signal", TERMS["signal"], 1.0, (0,))]))
    return Problem("case", made, Imaging(b1, b0, spread), objective, SearchSpace(**space))


BRAIN = {"GM": (1.3, 0.1), "WM": (0.8, 0.08), "CSF": (4.0, 2.0)}
