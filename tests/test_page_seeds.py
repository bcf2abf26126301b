"""Where every seed ended."""

from dataclasses import replace
from itertools import pairwise

from page_results import result_of
from sequence_search.page.seeds import WIDTH, categories, seeds_section, strip
from sequence_search.problem.problem import Problem
from sequence_search.strategies.operations import Choice, Operations

PROBLEM = Problem.load("max-signal")
RUNS = result_of(PROBLEM, 21).runs


def places(drawn):
    return [float(part.split('"')[0]) for part in drawn.split('cx="')[1:]]


def test_a_dot_stands_at_its_loss():
    at = places(strip(RUNS))
    steps = [right - left for left, right in pairwise(at)]
    assert len(at) == 21
    assert max(steps) - min(steps) < 0.2  # losses are evenly apart


def test_what_lies_far_off_stands_at_the_end():
    far = replace(RUNS[-1], families=(replace_loss(RUNS[-1].families[0], 1e6),))
    at = places(strip([*RUNS, far]))
    assert max(at) == at[-1] <= WIDTH
    assert at[-2] > WIDTH / 4  # the others are still apart


def replace_loss(design, loss):
    return replace(design, evaluation=replace(design.evaluation, loss=loss))


def test_categories_are_counted_and_that_of_the_best_is_marked():
    drawn = categories(RUNS, PROBLEM.categories)
    assert drawn.count("<tr") == 1
    assert '<tr class="best">' in drawn
    assert '<td class="number">21</td>' in drawn


def test_the_course_and_the_operations_of_the_best_are_drawn_where_they_were_kept():
    kept = seeds_section(RUNS, PROBLEM.categories, PROBLEM.name)
    assert "How they went" in kept
    assert "chose its operations" not in kept
    bare = [replace(run, history=()) for run in RUNS]
    assert "How they went" not in seeds_section(bare, PROBLEM.categories, PROBLEM.name)
    layers = (Choice("layer 1", ("90°", "180°"), ((0.5, 0.5), (0.9, 0.1))),)
    chosen = replace(RUNS[0], operations=Operations((1, 2000), layers))
    assert "How seed 0, the best, chose its operations" in seeds_section(
        [chosen, *RUNS[1:]], PROBLEM.categories, PROBLEM.name
    )
