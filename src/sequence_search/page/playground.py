"""A sequence to take hold of, with its exact simulation in the page."""

from __future__ import annotations

from html import escape

from sequence_search.checks import check_type
from sequence_search.explanation.conventional import conventional_sequence, spin_echo
from sequence_search.page.data import problem_data, sequence_data
from sequence_search.page.html import document
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence

HOW = (
    "Drag flip angles, the needles of the phases, the ends of delays and the gradients, or type. "
    "All follows from the exact simulation, here in the page."
)


def playground(problem: Problem, sequence: Sequence, source: str | None = None) -> str:
    """A page of HTML that stands alone, with one sequence of a problem to play with.

    Parameters
    ----------
    problem : Problem
    sequence : Sequence, single
        Made `playable`.
    source : str, optional
        The problem on the command line, a name or a path, for what the page copies; its name if not given.

    Raises
    ------
    ValueError
        If the sequence cannot be played in the problem, or has no pulse.
    """
    check_type(problem, Problem)
    single = problem.playable(sequence)
    if not len(single.flip_angle):
        raise ValueError("a playground needs a sequence of at least one pulse")
    body = f"""<h1>{escape(problem.title)}</h1>
<p class="lead">{HOW}</p>
{section()}"""
    data = {"problem": problem_data(problem, source or problem.name), "sequences": [sequence_data(single)]}
    return document(f"{problem.title}: playground", body, data)


def first_sequence(problem: Problem) -> Sequence:
    """The conventional sequence of a problem as it plays it, to begin with; 90°-180° where it has none.

    Raises
    ------
    ValueError
        If not even the shortest fits the repetition.
    """
    found = conventional_sequence(problem)
    if found is None:
        found = spin_echo(problem, 0.0)
    if found is None:
        raise ValueError(f"the conventional sequence does not fit '{problem.name}': state one")
    return found


def section() -> str:
    """Where the script of the page puts it."""
    return '<section id="playground" aria-label="Playground"><p>This needs JavaScript.</p></section>'
