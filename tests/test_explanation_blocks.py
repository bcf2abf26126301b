import math
from dataclasses import replace

import pytest

from explanation_cases import BRAIN, make_problem, play
from sequence_search.engines.simulator import Simulator
from sequence_search.explanation.blocks import cut_blocks, kind_of, measure_blocks, mz_factor, t2_kind, ways
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import MIDDLE
from sequence_search.sequence import Sequence
from sequence_search.tissue import Imaging, Normal, Uniform

PROBLEM = make_problem(BRAIN, b1=Uniform(0.8, 1.2), b0=Uniform(-50.0, 50.0))


def groups(sequence, problem=PROBLEM):
    return cut_blocks(Simulator(problem.voxels(64)), sequence)


def block(sequence, problem=PROBLEM):
    """Of the pulses that are not in the last group."""
    *preparing, _ = groups(sequence, problem)
    return measure_blocks(problem, sequence, preparing)


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        (play([90, 180], [0, 90], [10, 10]), [(0, 1)]),
        (play([180, 90, 180], [0, 0, 90], [800, 6, 6]), [(0,), (1, 2)]),
        (play([180, 180, 90], [0, 0, 0], [2000, 500, 6]), [(0,), (1,), (2,)]),
        (play([90, 180, 90, 90], [0, 90, 0, 0], [100, 100, 2000, 6]), [(0, 1, 2), (3,)]),
        # The middle pulses act on the readout by what is stored dephased, though nothing transverse is left.
        (play([90, 90, 90], [0, 0, 0], [10, 900, 10]), [(0, 1, 2)]),
    ],
)
def test_blocks_are_apart_where_only_the_mean_mz_matters(sequence, expected):
    assert groups(sequence) == expected


def test_an_inversion_with_the_mz_that_it_leaves():
    # Over b1 from 0.8 to 1.2 the mean of cos(b1 pi) is -sin(0.2 pi) / (0.2 pi).
    (found,) = block(play([180, 90, 180], [0, 0, 90], [800, 6, 6]))
    mean = -math.sin(0.2 * math.pi) / (0.2 * math.pi)
    assert found.kind == "inversion"
    assert found.turn == pytest.approx(mean, abs=1e-3)
    assert (found.along, found.across) == (pytest.approx(-1), 0)
    for tissue, (t1, _) in BRAIN.items():
        assert found.mz_after[tissue] == pytest.approx(mean, abs=1e-3)
        assert found.mz_next[tissue] == pytest.approx(1 + (mean - 1) * math.exp(-0.8 / t1), abs=1e-3)
    # The mean of cos² is half of 1 + sin(0.4 pi) / (0.4 pi).
    lasting = make_problem({"gas": (math.inf, 1.0)}, b1=Uniform(0.8, 1.2))
    (alone,) = block(play([180, 90, 180], [0, 0, 90], [800, 6, 6]), lasting)
    square = (1 + math.sin(0.4 * math.pi) / (0.4 * math.pi)) / 2
    assert alone.mz_next_rms["gas"] == pytest.approx(math.sqrt(square), abs=1e-3)


def test_blocks_start_from_what_the_block_before_left():
    first, second = block(play([180, 180, 90], [0, 0, 0], [2000, 500, 6]))
    for tissue in BRAIN:
        expected = second.mz_factor[tissue] * first.mz_next[tissue]
        assert second.mz_after[tissue] == pytest.approx(expected, abs=0.01)


def test_saturation_whatever_was_before():
    (found,) = block(play([90, 90, 180], [0, 0, 90], [800, 6, 6]))
    assert found.kind == "saturation"
    assert all(abs(mz) < 1e-3 for mz in found.mz_after.values())


@pytest.mark.parametrize(("last_phase", "sign", "kind"), [(180, 1, ""), (0, -1, "d inversion")])
def test_t2_preparations_leave_what_t2_leaves(last_phase, sign, kind):
    even = make_problem(BRAIN)
    (found,) = block(play([90, 180, 90, 90], [0, 90, last_phase, 0], [60, 60, 2000, 6]), even)
    assert found.kind == ("T2 preparation" if sign > 0 else "T2-prepared inversion")
    assert found.duration == pytest.approx(0.12)
    for tissue, (_, t2) in BRAIN.items():
        assert found.mz_factor[tissue] == pytest.approx(sign * math.exp(-0.12 / t2), abs=1e-9)
    assert found.across == pytest.approx(sign)


def test_a_composite_inversion_is_better_than_one_pulse():
    # Levitt's 90x-180y-90x, whose pulses pass the transverse plane too briefly for T2.
    (found,) = block(play([90, 180, 90, 90], [0, 90, 0, 0], [0.1, 0.1, 800, 6]))
    assert found.kind == "composite inversion"
    assert found.turn < found.turn_of_180 - 0.04
    # Two halves of a pulse are no better than it.
    (halves,) = block(play([90, 90, 90], [0, 0, 0], [1e-6, 800, 6]))
    assert halves.turn == pytest.approx(halves.turn_of_180, abs=1e-6)
    assert halves.kind == "inversion"


def test_a_composite_saturation_is_steadier_than_one_pulse():
    # With a = b1 pi/2, 90° then 180° of phase 120° leave cos a cos 2a + sin a sin 2a / 2, odd about b1 = 1;
    # one pulse leaves cos a, of variance 1/2 - sin(0.2 pi) / (0.4 pi) over b1 from 0.8 to 1.2.
    (found,) = block(play([90, 180, 90], [0, 120, 0], [1e-6, 800, 6]))
    assert found.kind == "composite saturation"
    assert found.turn == pytest.approx(0, abs=1e-3)
    assert found.turn_sd == pytest.approx(0.012, abs=1e-3)
    assert found.turn_sd_of_one == pytest.approx(
        math.sqrt(0.5 - math.sin(0.2 * math.pi) / (0.4 * math.pi)), abs=1e-3
    )


def test_pulses_that_turn_one_tissue_and_not_another_are_selective():
    # 45°, half a turn of fat, 45°: water is saturated, fat as it was.
    water = make_problem({"water": (1.2, 0.05)}, spread=0.0).tissues[0]
    fat = replace(water, name="fat", b0=Normal(-220.0))
    problem = replace(make_problem({"water": (1.2, 0.05)}, spread=0.0), tissues=(water, fat))
    (found,) = block(play([45, 45, 90], [0, 0, 0], [1e3 / 440, 800, 6]), problem)
    assert found.kind == "frequency-selective rotation"
    assert found.mz_factor["water"] == pytest.approx(0, abs=0.06)
    assert found.mz_factor["fat"] == pytest.approx(1, abs=0.06)


def test_a_partial_inversion_from_which_what_t2_spares_takes():
    # Of 35°-164°-35° with phases 0, p, 2p: cos² 35° cos 164° along z, sin² 35° sin² 82° through the plane.
    sequence = play([35, 164, 35, 90], [0, 55, 110, 0], [100, 100, 950, 6])
    (found,) = block(sequence, make_problem(BRAIN))
    cos, sin = math.cos(math.radians(35)), math.sin(math.radians(35))
    assert found.kind == "inversion opposed by a T2 preparation"
    assert found.along == pytest.approx(cos**2 * math.cos(math.radians(164)))
    assert found.across == pytest.approx(sin**2 * math.sin(math.radians(82)) ** 2)
    for tissue, (t1, t2) in BRAIN.items():
        expected = found.along * math.exp(-0.2 / t1) + found.across * math.exp(-0.2 / t2)
        assert found.mz_factor[tissue] == pytest.approx(expected, abs=1e-9)


def test_the_factor_of_mz_is_free_of_what_recovers():
    voxels = make_problem({"GM": (0.2, 0.1)}).voxels(method="nominal")
    factor = mz_factor(Simulator(voxels), play([180, 180], [0, 0], [100, 0]))
    assert float(factor) == pytest.approx(math.exp(-0.5))


def test_what_dephases_is_no_way():
    along, across = ways(play([90, 90], [0, 0], [100, 0]))
    assert (along, across) == (pytest.approx(0, abs=1e-12), 0)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((-0.9, 0.05, -0.9, 0.05, 1), "inversion"),
        ((-0.9, 0.05, -0.8, 0.05, 2), "composite inversion"),
        ((-0.9, 0.05, -0.91, 0.05, 2), "inversion"),
        # 122°, and what is left of a saturation that is none.
        ((-0.53, 0.1, -1.0, 0.1, 1), "partial inversion"),
        ((-0.34, 0.06, -0.85, 0.1, 3), "partial inversion"),
        ((-0.34, 0.06, -0.85, 0.32, 3), "composite partial inversion"),
        ((0.4, 0.2, 0.4, 0.2, 1), "partial saturation"),
        ((0.9, 0.0, -0.9, 0.0, 1), "partial saturation"),
        ((0.96, 0.0, -0.9, 0.0, 2), "rotation that keeps Mz"),
        ((0.0, 0.3, 0.0, 0.3, 1), "saturation"),
        ((0.0, 0.1, 0.0, 0.3, 2), "composite saturation"),
        ((0.0, 0.7, 0.0, 0.7, 1), "partial saturation"),
    ],
)
def test_names_by_what_is_left_of_mz(arguments, name):
    assert kind_of(*arguments) == name


@pytest.mark.parametrize(
    ("along", "across", "name"),
    [
        (-0.9, -0.1, None),
        (0.0, 0.0, None),
        (-0.5, -0.4, "partly T2-prepared inversion"),
        (0.5, 0.4, "partly T2 preparation"),
        (0.5, -0.4, "T2-prepared inversion opposed by what stays along z"),
        (0.1, 0.9, "T2 preparation"),
    ],
)
def test_names_by_the_way_that_t2_takes_from(along, across, name):
    assert t2_kind(along, across) == name


def test_blocks_of_pulses_that_select_a_slice_are_told_apart_in_its_middle():
    """90-180-90 inverts what T2 leaves: -exp(-TE/T2) in the middle, where flip angles are the nominal ones.

    By the mean Mz over the slice the blocks would be others, as profiles go together.
    """
    problem = replace(Problem.load("spin-echo-2d"), imaging=Imaging(1.0, 0.0, 0.0))
    pulses = Sequence.from_degrees_ms([90, 180, 90, 90], [0, 90, 0, 0], [30, 30, 1300, 6])
    sequence = problem.played(pulses, kinds=["excite"] * 4)
    middle, slices = (Simulator(problem.voxels(64), kinds=problem.pulses, n_places=n) for n in (MIDDLE, 16))
    assert cut_blocks(middle, sequence) == [(0, 1, 2), (3,)]
    assert cut_blocks(slices, sequence) != cut_blocks(middle, sequence)
    (prepared,) = measure_blocks(problem, sequence, [(0, 1, 2)])
    assert prepared.kind == "T2-prepared inversion"
    left = {tissue.name: -math.exp(-0.06 / tissue.t2.centre) for tissue in problem.tissues}
    assert prepared.mz_factor == pytest.approx(left, abs=0.03)


def test_blocks_of_tissues_without_magnetisation_are_those_that_it_would_have():
    sequence = play([180, 90, 180], [0, 0, 90], [800, 6, 6])
    dark = replace(PROBLEM, tissues=tuple(replace(each, m0=Normal(0.0)) for each in PROBLEM.tissues))
    assert groups(sequence, dark) == [(0,), (1, 2)]
