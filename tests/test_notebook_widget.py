"""The playground as a widget: what comes from the page and what goes to it."""

import json
import math
import subprocess
import sys

import pytest

from page_results import OTHERS, SPIN_ECHO
from sequence_search.page.data import sequence_data
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence

anywidget = pytest.importorskip("anywidget")

from sequence_search.notebook import Playground  # noqa: E402

MAX_SIGNAL = Problem.load("max-signal")
REPEATED = Problem.load("spin-echo-2d")


def from_page(playground, sequence):
    """As the page tells it, through JSON."""
    playground.set_state({"_sequence": json.loads(json.dumps(sequence_data(sequence)))})


def slice_echo() -> Sequence:
    pulses = Sequence.from_degrees_ms([90, 180], [0, 90], [9, 9])
    return REPEATED.played(pulses, kinds=["excite", "refocus"], gradients=["crusher", "crusher"])


@pytest.mark.parametrize(("problem", "sequence"), [(MAX_SIGNAL, OTHERS[1]), (REPEATED, slice_echo())])
def test_an_edit_of_the_page_comes_back_as_a_sequence(problem, sequence):
    playground, seen = Playground(problem), []
    playground.observe(lambda change: seen.append(change["new"]), "sequence")
    from_page(playground, sequence)
    assert playground.sequence == sequence
    assert playground.sequence.layout == sequence.layout
    assert seen == [sequence]
    assert problem.evaluate(playground.sequence).loss == problem.evaluate(sequence).loss


def test_what_is_assigned_goes_to_the_page():
    playground = Playground(MAX_SIGNAL, SPIN_ECHO)
    assert playground.sequence == SPIN_ECHO
    playground.sequence = OTHERS[1]
    told = playground.get_state("_sequence")["_sequence"]
    assert told["flip"] == pytest.approx([math.radians(each) for each in (20, 90, 170)])
    assert told["delay"] == [0.012, 0.007, 0.007]


def test_without_a_sequence_it_begins_with_the_conventional_one():
    assert Playground(MAX_SIGNAL).sequence.flip_angle.tolist() == pytest.approx([math.pi / 2, math.pi])


def test_the_page_is_told_that_it_stands_in_a_notebook():
    page = Playground(MAX_SIGNAL, SPIN_ECHO).get_state("_page")["_page"]
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert data["framed"] is True
    assert data["sequences"] == [sequence_data(SPIN_ECHO)]


def test_what_cannot_be_played_is_refused_but_may_be_dragged_through():
    playground = Playground(REPEATED, slice_echo())
    short = slice_echo().map(lambda part: part.clone())
    short.delay[0] = 1e-4
    with pytest.raises(ValueError, match="must be at least"):
        playground.sequence = short
    assert playground.sequence == slice_echo()
    from_page(playground, short)
    assert playground.sequence == short
    with pytest.raises(ValueError, match="at least one pulse"):
        Playground(MAX_SIGNAL, Sequence(*SPIN_ECHO.flip_angle.new_empty(3, 0)))


def test_without_anywidget_it_says_what_to_install():
    code = (
        "import sys; sys.modules['anywidget'] = None; import sequence_search.notebook as notebook\n"
        "try:\n    notebook.Playground\nexcept ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "needs anywidget: pip install 'sequence-search[notebook]'" in done.stdout
