import math
from dataclasses import replace

import numpy as np
import pytest

from sequence_search.grid.losses import GridPoint, best_points, grid_of, merge, prepare_grid
from sequence_search.objective import Objective, Term, signed_contrast_loss, time_to_readout
from sequence_search.problem.library import builtin_problems
from sequence_search.problem.problem import Problem
from sequence_search.search_space import Axis, Grid
from sequence_search.tissue import Normal

PROBLEM = Problem.load("gm-wm")
DEGREE = math.pi / 180


def difference(problem, index, n_per_tissue=5, step=1):
    """Largest difference of the grid's losses from `Problem.loss` at some points, one by one."""
    voxels = problem.voxels(n_per_tissue)
    losses = prepare_grid(problem, voxels)
    found = np.array([losses(i, i + step)[-1] for i in index.tolist()])
    return abs(found - problem.loss(problem.grid.sequences(index + step - 1), voxels).numpy()).max()


@pytest.mark.parametrize("name", builtin_problems())
def test_random_points_have_the_plain_loss(name):
    problem = Problem.load(name)
    index = np.random.default_rng(0).integers(0, problem.grid.n_points, 60)
    assert difference(problem, index) < 1e-13


def test_a_range_is_the_losses_of_its_points():
    voxels, grid = PROBLEM.voxels(3), PROBLEM.grid
    # Across the ends of rows of phases, of flip angles and of the second delay.
    start = grid.n_points // 21 - 500
    plain = PROBLEM.loss(grid.sequences(np.arange(start, start + 1000)), voxels).numpy()
    assert prepare_grid(PROBLEM, voxels)(start, start + 1000) == pytest.approx(plain, abs=1e-13)


def test_every_term_and_property_counts():
    strong = replace(PROBLEM.tissues[0], t2_prime=Normal(math.inf))
    still = replace(
        PROBLEM,
        tissues=(strong, *PROBLEM.tissues[1:]),
        imaging=replace(PROBLEM.imaging, spread=Normal(0.0), b0=Normal(30.0, 5.0)),
        objective=Objective((*PROBLEM.objective.terms, Term("time", time_to_readout, 0.5))),
    )
    index = np.random.default_rng(1).integers(0, still.grid.n_points, 20)
    assert difference(still, index) < 1e-13


def test_a_signed_contrast_takes_the_plain_loss():
    phased = replace(PROBLEM, objective=Objective((Term("c", signed_contrast_loss, 3.0, (0, 2)),)))
    index = np.random.default_rng(2).integers(0, phased.grid.n_points, 20)
    assert difference(phased, index) < 1e-13


def test_only_the_difference_of_phases_matters():
    second = PROBLEM.grid.phase[1]
    shift = 40 * DEGREE
    turned = replace(
        PROBLEM,
        grid=replace(PROBLEM.grid, phase=(Axis(shift), replace(second, start=second.start + shift))),
    )
    index = np.array([0, 77, 1000])
    voxels = PROBLEM.voxels(4)
    for i in index.tolist():
        ours, theirs = (prepare_grid(each, voxels)(i, i + 1) for each in (turned, PROBLEM))
        assert ours == pytest.approx(theirs, abs=1e-13)
    assert difference(turned, index) < 1e-13


THREE = Grid(
    (Axis(5 * DEGREE, DEGREE, 2), Axis(90 * DEGREE), Axis(170 * DEGREE, DEGREE, 3)),
    (Axis(0.0), Axis(0.0, math.pi, 2), Axis(0.0)),
    (Axis(0.01), Axis(0.01, 0.001, 4), Axis(0.01)),
)
FREE_FIRST_PHASE = Grid(
    (Axis(90 * DEGREE), Axis(180 * DEGREE)),
    (Axis(0.0, 0.1, 5), Axis(0.0, 0.1, 5)),
    (Axis(0.01), Axis(0.01)),
)


@pytest.mark.parametrize("grid", [THREE, FREE_FIRST_PHASE])
def test_other_grids_take_the_plain_loss(grid):
    problem = replace(PROBLEM, grid=grid)
    assert difference(problem, np.arange(grid.n_points - 1), step=2) < 1e-13


def test_terms_of_the_users_own_count():
    def worst(magnitude, sequence, voxels):
        return 1 - magnitude.min(-1).values

    problem = PROBLEM.with_term("worst", worst, 2.0)
    index = np.array([5, 4000])
    assert difference(problem, index) < 1e-13
    assert (
        prepare_grid(problem, PROBLEM.voxels(3))(0, 1) > prepare_grid(PROBLEM, PROBLEM.voxels(3))(0, 1) + 0.1
    )


def test_the_best_points_do_not_depend_on_chunks():
    values = np.array([3.0, 1.0, np.nan, 1.0, 1.0, -np.inf, 2.0])

    def losses(start, stop):
        return values[start:stop]

    best = (GridPoint(1.0, 1), GridPoint(1.0, 3))
    assert best_points(losses, 0, 7, 2) == best
    for cut in range(8):
        assert merge(2, best_points(losses, cut, 7, 2), best_points(losses, 0, cut, 2)) == best
    assert [point.index for point in best_points(losses, 0, 7, 9)] == [1, 3, 4, 6, 0]


def test_points_sort_by_loss_then_index():
    assert sorted([GridPoint(1.0, 3), GridPoint(1.0, 2), GridPoint(0.5, 9)])[0].index == 9
    assert GridPoint(1.0, 2) < GridPoint(1.0, 3)


def test_a_problem_without_a_grid_is_refused():
    with pytest.raises(ValueError, match=r"'gm-wm' has no \[grid\]"):
        grid_of(replace(PROBLEM, grid=None))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"min_rf_delay": 0.016}, "at least 16 .min_rf_delay_ms., got 15 in pulse 1"),
        (
            {"max_delay": 0.024, "wait_ranges": ((0.001, 0.01),)},
            "at most 24 .max_delay_ms., got 25 in pulse 1",
        ),
        ({"max_rf": 1}, "1 to 1 pulses .max_rf., got 2"),
    ],
)
def test_a_grid_that_leaves_the_search_space_is_refused(change, message):
    space = replace(PROBLEM.search_space, **change)
    with pytest.raises(ValueError, match=f"grid: .*{message}.*'gm-wm'"):
        grid_of(replace(PROBLEM, search_space=space))
