"""Values as HTML for notebooks."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
import torch

from page_results import OTHERS, SPIN_ECHO, result_of
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import SearchResult, failed

MAX_SIGNAL = Problem.load("max-signal")
NAMED = "<script>alert(1)</script> & $x_1$"


def page(value) -> ElementTree.Element:
    """Its HTML, read strictly: what is not escaped or closed is refused."""
    text = value._repr_html_()
    assert "<script" not in text
    return ElementTree.fromstring(text.replace("xmlns:xlink", "xmlns:x").replace("xlink:href", "href"))


def text_of(value) -> str:
    return " ".join("".join(page(value).itertext()).split())


def cells(value) -> list[str]:
    return ["".join(cell.itertext()) for cell in page(value).iter() if cell.tag in ("td", "th")]


def slice_echo() -> Sequence:
    return Problem.load("spin-echo-2d").played(
        Sequence.from_degrees_ms([180, 90, 180], [0, 0, 90], [600, 9, 9]),
        kinds=["invert", "excite", "refocus"],
        gradients=["spoiler", "crusher", "crusher"],
    )


def test_a_sequence_shows_its_diagram_and_every_number():
    shown = cells(OTHERS[1])
    assert shown[6:12] == ["1", "hard", "20.0", "0.0", "12", "–"]
    assert shown[18:24] == ["3", "hard", "170.0", "100.0", "7", "–"]
    assert "time to the readout 26 ms" in text_of(OTHERS[1])
    assert [each.tag for each in page(OTHERS[1]).iter() if each.tag.endswith("}svg")]


def test_kinds_gradients_and_the_repetition_are_told():
    shown = text_of(slice_echo())
    assert "TR 3000 ms" in shown
    assert "invert" in shown
    assert "spoiler" in shown


def test_pulses_have_the_shape_of_their_kind_where_the_problem_is_known():
    problem = Problem.load("spin-echo-2d")
    result = result_of(problem, 1, (slice_echo(),))
    with_shapes, without = (value._repr_html_().count("<path") for value in (result, slice_echo()))
    assert with_shapes > without


def test_a_design_and_a_seed_show_loss_and_signals():
    run = result_of(MAX_SIGNAL, 1).best
    for value in (run.families[0], run):
        shown = cells(value)
        assert shown[shown.index("loss") + 1] == f"{run.loss:.6f}"
        assert shown[shown.index("|Mxy| CSF") + 1] == f"{run.evaluation.signal['CSF']:.3f}"


def test_a_result_shows_the_verdict_the_best_and_all_designs():
    result = result_of(MAX_SIGNAL, 12)
    shown = text_of(result)
    assert "12 seeds of multistart" in shown
    assert str(result.verdict)[1:] in shown
    assert all(str(design.sequence) in shown for design in result.best.families)


def test_a_result_without_designs_tells_why():
    result = SearchResult(MAX_SIGNAL, "multistart", (failed(3, "out of <memory>", 1.0),))
    assert "seed 3: out of <memory>" in text_of(result)
    assert "out of <memory>" in text_of(result.runs[0])


def test_a_problem_shows_its_task_and_conditions():
    shown = text_of(MAX_SIGNAL)
    assert "Wanted: as much signal of GM, WM and CSF as there is M0" in shown
    assert "t1_ms" in shown


def test_names_stay_text():
    tissues = (replace(MAX_SIGNAL.tissues[0], name=NAMED), *MAX_SIGNAL.tissues[1:])
    problem = replace(MAX_SIGNAL, tissues=tissues, title=NAMED)
    for value in (problem, result_of(problem, 2)):
        assert NAMED in text_of(value)


def test_the_drawing_is_of_the_colour_of_the_page_and_styles_nothing_else():
    text = SPIN_ECHO._repr_html_()
    assert 'fill="currentColor"' in text
    assert "stroke: currentColor" in text
    assert not re.search("#000000|#595959|#ffffff|<style|<metadata|<!--", text)
    assert text == SPIN_ECHO._repr_html_()


def test_what_has_no_diagram_is_left_to_its_plain_text():
    assert Sequence.stack([SPIN_ECHO, *OTHERS])._repr_html_() is None
    assert Sequence(*torch.empty(3, 0))._repr_html_() is None


def test_plain_texts_are_short():
    result = result_of(MAX_SIGNAL, 3)
    for value in (SPIN_ECHO, result.best.families[0], result, MAX_SIGNAL):
        assert len(repr(value)) < 240


@pytest.mark.parametrize("requires_grad", [True, False])
def test_derivatives_do_not_matter(requires_grad):
    single = SPIN_ECHO.map(lambda part: part.clone().requires_grad_(requires_grad))
    assert single._repr_html_() == SPIN_ECHO._repr_html_()
