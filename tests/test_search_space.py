import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from sequence_search.layout import Layout
from sequence_search.search_space import Axis, Grid, SearchSpace
from sequence_search.sequence import Sequence

SPACE = SearchSpace()


def test_a_sequence_at_the_bounds_passes():
    SPACE.check(Sequence.from_degrees_ms([90, 180], [0, 0], [6.2, 10_000]), "spin-echo")


@pytest.mark.parametrize(
    ("delays", "message"),
    [
        (
            [6.2, 4.0],
            r"delay_ms must be at least 6.2 \(min_rf_delay_ms\), got 4 in pulse 2 of problem 'spin-echo'",
        ),
        ([20_000, 7], r"delay_ms must be at most 10000 \(max_delay_ms\), got 20000 in pulse 1"),
        ([7] * 6, r"1 to 5 pulses \(max_rf\), got 6 in 'spin-echo'"),
        ([], r"1 to 5 pulses \(max_rf\), got 0"),
    ],
)
def test_outside_is_refused_by_name(delays, message):
    sequence = Sequence.from_degrees_ms([90] * len(delays), [0] * len(delays), delays)
    with pytest.raises(ValueError, match=message):
        SPACE.check(sequence, "spin-echo")


def test_of_a_batch_the_delay_that_is_outside_is_named():
    flip = torch.full((2, 2), 1.5, dtype=torch.float64)
    delay = torch.tensor([[0.01, 0.02], [0.03, 0.005]], dtype=torch.float64)
    with pytest.raises(ValueError, match=r"at least 6\.2 .*, got 5 in pulse 2"):
        SPACE.check(Sequence(flip, torch.zeros_like(flip), delay), "spin-echo")


GRID = Grid(
    (Axis(1.0, 0.1, 2), Axis(3.0)),
    (Axis(0.0), Axis(0.0, 0.5, 3)),
    (Axis(0.01, 0.02, 4), Axis(0.007, 0.001, 5)),
)


def test_an_axis_is_evenly_spaced():
    assert Axis(1.0, 0.5, 3).values.tolist() == [1.0, 1.5, 2.0]
    assert Axis(7.0).values.tolist() == [7.0]


def test_points_count_with_the_last_phase_fastest():
    assert GRID.n_points == 4 * 5 * 2 * 3
    all_points = GRID.sequences(np.arange(GRID.n_points))
    columns = torch.cat((all_points.delay, all_points.flip_angle, all_points.phase), 1)
    axes = (*GRID.delay, *GRID.flip_angle, *GRID.phase)
    expected = list(itertools.product(*(axis.values.tolist() for axis in axes)))
    assert columns.tolist() == [pytest.approx(row) for row in expected]


def test_a_point_alone_is_a_single_sequence():
    single = GRID.sequences(np.array(GRID.n_points - 1))
    assert single.batch_shape == ()
    assert single.delay.tolist() == pytest.approx([0.07, 0.011])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_rf": -3, "min_rf_delay": -1.0}, "max_rf must be a whole number from 1 to 8, got -3"),
        ({"rf_candidates": 0}, "rf_candidates must be a whole number from 1 to 180"),
        ({"min_rf_delay": -1.0}, "min_rf_delay must be above 0 and below max_delay, got -1 s and 10 s"),
        ({"max_delay": math.inf}, "below max_delay, got 0.0062 s and inf s"),
        ({"flip_range": (0.0, 180.0)}, "flip_range must rise within 0 to 6.28319 rad, got 0 rad to 180 rad"),
        (
            {"wait_ranges": ((1.0, 10.0), (10.0, 100.0))},
            "0 to max_delay, 10 s, got 10 s to 100 s",
        ),
        ({"wait_ranges": ()}, "wait_ranges needs at least one range"),
        ({"max_flip": math.nan}, "max_flip must be a number, got nan"),
        ({"max_flip": 1.0, "flip_range": (0.0, 2.0)}, r"within 0 to 1 rad \(max_flip\), got 0 rad to 2 rad"),
    ],
)
def test_bounds_that_are_none_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        SearchSpace(**change)


def test_what_is_not_stated_follows_the_bounds():
    assert replace(SPACE, max_flip=1.0).flip_range == (0.0, 1.0)
    assert replace(SPACE, max_delay=0.05).wait_ranges == ((1e-3, 1e-2), (1e-2, 0.05))
    assert SearchSpace(min_rf_delay=1e-4, max_delay=5e-4).wait_ranges == ((1e-4, 5e-4),)
    assert SearchSpace(max_delay=20.0).wait_ranges == SPACE.wait_ranges


def test_a_flip_angle_above_the_bound_is_refused():
    sequence = Sequence.from_degrees_ms([90, 150], [0, 0], [7, 7])
    SPACE.check(sequence, "spin-echo")
    replace(SPACE, max_flip=math.radians(150)).check(sequence, "spin-echo")
    with pytest.raises(ValueError, match=r"at most 120 \(max_flip_deg\), got 150 in 'spin-echo'"):
        replace(SPACE, max_flip=math.radians(120)).check(sequence, "spin-echo")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Axis(1.0, 0.0, 2), "needs a finite start and a step above 0, got 1, 0 and 2 values"),
        (lambda: Axis(math.inf), "needs a finite start"),
        (lambda: Axis(1.0, 1.0, 0), "count must be a whole number"),
        (lambda: Grid((Axis(1.0),), (), (Axis(1.0),)), "need one entry for each pulse, got 1, 0, 1"),
    ],
)
def test_grids_that_are_none_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_bounds_are_of_the_intervals_of_a_layout():
    layout = Layout.train(2)  # the second refocusing pulse follows two delays after the first
    space = SearchSpace(min_rf_delay=0.004, max_delay=0.007)
    echoes = Sequence.from_degrees_ms([90, 180, 180], [0, 90, 90], [4], layout=layout)
    with pytest.raises(ValueError, match=r"at most 7 \(max_delay_ms\), got 8 in pulse 2"):
        space.check(echoes, "train")
    replace(space, max_delay=0.008).check(echoes, "train")


def test_kinds_and_gradients_of_a_layout_are_those_to_choose_from():
    space = SearchSpace(pulses=("hard", "excite"), gradients=("none", "spoiler"))
    pulses = [90, 180], [0, 90], [7, 7]
    layout = Layout.plain(2, gradients=("spoiler", 0), kinds=("hard", "excite"))
    space.check(Sequence.from_degrees_ms(*pulses, layout=layout), "mine")
    crushed = Sequence.from_degrees_ms(*pulses, layout=replace(layout, gradients=(2, 0)))
    with pytest.raises(ValueError, match="gradients must be of none, spoiler, got crusher in 'mine'"):
        space.check(crushed, "mine")
    other = Sequence.from_degrees_ms(*pulses, layout=replace(layout, kinds=("hard", "refocus")))
    with pytest.raises(ValueError, match="pulses must be of hard, excite, got refocus in 'mine'"):
        space.check(other, "mine")


def test_what_follows_the_last_readout_and_the_pulses_of_a_train_do_not_count():
    train = Layout.train(8, steady=True)
    sequence = Sequence.from_degrees_ms([90] + [180] * 8, [0] + [90] * 8, [4, 3000], layout=train)
    SearchSpace(max_rf=2, min_rf_delay=0.004, max_delay=0.008).check(sequence, "train")
    with pytest.raises(ValueError, match="1 to 1 pulses"):
        SearchSpace(max_rf=1, min_rf_delay=0.004, max_delay=0.008).check(sequence, "train")
