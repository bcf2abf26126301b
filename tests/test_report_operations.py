import pytest

from sequence_search.report.operations import GREY, operations_figure
from sequence_search.strategies.operations import Choice, Operations
from sequence_search.strategies.result import Run


def run(operations):
    return Run(4, "done", (), 1.0, 100, operations=operations)


def layer(number, probability, names=("88°", "30°", "hs", "wait 9 ms")):
    return Choice(f"layer {number}", names, probability)


FIRST = layer(1, ((0.3, 0.3, 0.3, 0.1), (0.02, 0.8, 0.15, 0.03)))
SECOND = layer(2, ((0.2, 0.6, 0.2, 0.0), (0.96, 0.02, 0.02, 0.0)))
GRADIENTS = [Choice(f"gradient {number}", ("none", "spoiler"), ((0.5, 0.5), (0.1, 0.9))) for number in (1, 2)]


def test_each_layer_has_a_row_and_names_at_the_ends_of_its_lines():
    figure = operations_figure(run(Operations((1, 2000), (FIRST, SECOND))), "title")
    first, second = figure.axes
    assert [axes.get_ylabel() for axes in figure.axes] == ["layer 1", "layer 2"]
    assert [text.get_text() for text in first.texts] == ["30°", "hs", "88°"]
    # Names stand at their lines, in their colours, and apart.
    colours = {line.get_color(): line.get_ydata()[-1] for line in first.lines}
    heights = [text.xy[1] for text in first.texts]
    assert [colours[text.get_color()] for text in first.texts] == [0.8, 0.15, 0.02]
    assert heights[:2] == [0.8, 0.15]
    assert heights[2] < 0.0
    assert [line.get_ydata().tolist() for line in first.lines if line.get_color() == GREY] == [[0.1, 0.03]]
    assert [text.get_text() for text in second.texts] == ["88°", "30°"]
    assert len(second.lines) == 3  # what may never be drawn has no line
    assert second.get_xlabel() == "Steps (thousands)"
    assert second.get_xlim() == (0, 2)
    assert figure.get_suptitle() == "title"


def test_gradients_stand_beside_their_layers():
    figure = operations_figure(run(Operations((1, 2000), (FIRST, SECOND, *GRADIENTS))))
    places = {axes.get_ylabel(): axes.get_subplotspec() for axes in figure.axes}
    rows = {name: (spec.rowspan.start, spec.colspan.start) for name, spec in places.items()}
    assert rows == {"layer 1": (0, 0), "layer 2": (1, 0), "gradient 1": (0, 1), "gradient 2": (1, 1)}


def test_a_run_without_them_is_refused():
    with pytest.raises(ValueError, match="the run of seed 4 has no operations: proxyless keeps them"):
        operations_figure(run(None))
