import numpy as np
import pytest

from sequence_search import Problem, ProblemError
from sequence_search.preview import Anatomy

SHAPE = (4, 5, 6)


def filled(value):
    return np.full(SHAPE, float(value))


def test_a_coarser_voxel_is_the_mean_and_stands_in_the_middle_of_those_it_replaces():
    grey = np.random.default_rng(0).random(SHAPE)
    fine = Anatomy(np.diag([1.0, 1.0, 2.0, 1.0]), {"GM": grey})
    coarse = fine.coarser((2.0, 5.0, 6.0))
    assert coarse.shape == (2, 1, 2)
    assert coarse.fractions["GM"][1, 0, 0] == pytest.approx(grey[2:, :, :3].mean())
    assert coarse.voxel_mm == pytest.approx([2, 5, 6])
    middle = fine.affine @ [2.5, 2, 4, 1]  # of voxels 2 to 3, 0 to 4, 3 to 5
    assert coarse.affine @ [1, 0, 1, 1] == pytest.approx(middle)


def test_what_goes_beyond_the_end_is_empty():
    coarse = Anatomy(np.eye(4), {"GM": filled(1)}).coarser((4.0, 4.0, 4.0))
    assert coarse.fractions["GM"].shape == (1, 2, 2)
    assert coarse.fractions["GM"][0, 1, 1] == pytest.approx(4 * 1 * 2 / 64)


def test_maps_are_matched_by_what_their_names_mean():
    problem = Problem.load("csf-null-w1")
    names = {"Grey matter": 0.2, "white_matter": 0.3, "csf": 0.1, "fat": 0.1}
    anatomy = Anatomy(np.eye(4), {name: filled(value) for name, value in names.items()})
    assert anatomy.check_tissues(problem) == ["fat"]
    parts = list(anatomy.components(problem, np.zeros((1, 3), int), np.zeros(1), np.ones(1)))
    m0 = [tissue.m0.centre for tissue in problem.tissues]
    found = [float(voxels.m0[0]) for _, voxels in parts]
    assert found == pytest.approx([0.2 * m0[0], 0.3 * m0[1], 0.1 * m0[2]])


def test_a_tissue_without_a_map_is_named():
    anatomy = Anatomy(np.eye(4), {"GM": filled(0.5)})
    with pytest.raises(
        ProblemError, match=r"'csf-null-w1' has WM and CSF, of which there is no map \(there are GM"
    ):
        anatomy.check_tissues(Problem.load("csf-null-w1"))


PROPERTIES = {"m0": filled(1), "t1": filled(1), "t2": filled(0.1)}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "needs maps of tissue fractions, or of T1, T2 and M0"),
        ({"fractions": {"GM": filled(1)}, "properties": PROPERTIES}, "not of both"),
        ({"fractions": {"GM": filled(70)}}, "fractions of GM must lie between 0 and 1, got 70 to 70"),
        (
            {"fractions": {"GM": filled(0.7), "WM": filled(0.6)}},
            "GM and WM must add up to at most 1, got 1.3",
        ),
        ({"fractions": {"GM": filled(0)}}, "no voxel of the anatomy has anything in it"),
        ({"fractions": {"GM": filled(np.nan)}}, "map of GM must be finite"),
        ({"fractions": {"GM": filled(1)}, "b1": filled(100)}, "b1 must lie between 0 and 5, got 100 to 100"),
        ({"properties": PROPERTIES | {"t1": filled(1331)}}, "t1 must lie between 0.001 and 100 s, got 1331"),
        ({"properties": PROPERTIES | {"t2": filled(3)}}, "T2 must not exceed twice T1, got it in 120 voxels"),
        ({"properties": {"t1": filled(1)}}, "needs maps of m0 and t2 too"),
        ({"properties": PROPERTIES | {"m0": filled(-1)}}, "M0 must not be negative, got -1"),
    ],
)
def test_maps_that_cannot_be_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Anatomy(np.eye(4), **given)


def test_a_mean_of_relaxation_times_is_refused():
    anatomy = Anatomy(np.eye(4), properties=PROPERTIES)
    with pytest.raises(ValueError, match="only maps of tissue fractions"):
        anatomy.coarser((2.0, 2.0, 2.0))
    with pytest.raises(ValueError, match="whole multiples of those of 1, 1 and 1 mm"):
        Anatomy(np.eye(4), {"GM": filled(1)}).coarser((1.5, 1.0, 1.0))
