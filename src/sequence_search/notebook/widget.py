"""The playground of a page as a widget, whose sequence comes back into Python."""

from __future__ import annotations

from importlib import resources
from typing import Any

import torch

from sequence_search.checks import check_type
from sequence_search.layout_record import read_layout
from sequence_search.page.data import problem_data, sequence_data
from sequence_search.page.html import document
from sequence_search.page.playground import first_sequence, section
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence

try:
    import traitlets
    from anywidget import AnyWidget
except ImportError as error:
    needs = "a Playground needs anywidget: pip install 'sequence-search[notebook]'"
    raise ImportError(f"{needs} ({error})") from None

STYLE = "<style>main { padding: 0 12px 8px; }</style>"


class Playground(AnyWidget):
    """A sequence to take hold of in a notebook, as `sequence_search.page.playground.playground`.

    Values of tissues that are changed in it stay in it.

    Attributes
    ----------
    sequence : Sequence
        As it was edited last, also while it is dragged; what is assigned is made `playable` and shown. Follow
        it with `playground.observe(function, "sequence")`.

    Parameters
    ----------
    problem : Problem
    sequence : Sequence, single, optional
        To begin with; if not given the conventional sequence of the problem.

    Raises
    ------
    ValueError
        If the sequence cannot be played in the problem, or has no pulse.
    """

    _esm = (resources.files("sequence_search.notebook") / "widget.js").read_text(encoding="utf-8")
    _page = traitlets.Unicode().tag(sync=True)
    _sequence = traitlets.Dict().tag(sync=True)
    sequence = traitlets.Instance(Sequence)

    def __init__(self, problem: Problem, sequence: Sequence | None = None) -> None:
        check_type(problem, Problem)
        self._problem = problem
        single = self._playable(first_sequence(problem) if sequence is None else sequence)
        packed = sequence_data(single)
        data = {"problem": problem_data(problem, problem.name), "sequences": [packed], "framed": True}
        page = document(f"{problem.title}: playground", STYLE + section(), data)
        super().__init__(_page=page, _sequence=packed, sequence=single)

    def _playable(self, sequence: Sequence) -> Sequence:
        single = self._problem.playable(sequence)
        if not len(single.flip_angle):
            raise ValueError("a playground needs a sequence of at least one pulse")
        return single

    @traitlets.validate("sequence")
    def _checked(self, proposal: Any) -> Sequence:
        """What the page tells is taken as it is: while a pulse is dragged, times may be too short for it."""
        sequence: Sequence = proposal["value"]
        is_of_page = not sequence.batch_shape and sequence_data(sequence) == self._sequence
        return sequence if is_of_page else self._playable(sequence)

    @traitlets.observe("_sequence")
    def _hear(self, change: Any) -> None:
        self.sequence = read_sequence(change["new"])

    @traitlets.observe("sequence")
    def _tell(self, change: Any) -> None:
        self._sequence = sequence_data(change["new"])


def read_sequence(data: dict[str, Any]) -> Sequence:
    """Sequence of what `page.data.sequence_data` wrote."""
    flip, phase, delay = (
        torch.tensor(data[name], dtype=torch.float64) for name in ("flip", "phase", "delay")
    )
    return Sequence(flip, phase, delay, layout=read_layout(data["layout"]))
