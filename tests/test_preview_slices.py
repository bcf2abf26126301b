import numpy as np
import pytest

from sequence_search.preview import Anatomy, Slice, middle_slices, read_slices

AFFINE = np.array([[2.0, 0, 0, -4], [0, 2.0, 0, -6], [0, 0, 5.0, 10], [0, 0, 0, 1]])
ANATOMY = Anatomy(AFFINE, {"GM": np.ones((5, 6, 7))})


def test_places_are_in_mm_and_take_the_nearest_slice():
    found = read_slices("axial:10,21|sagittal:0|coronal:-6.9", ANATOMY)
    assert found == [Slice("axial", 0), Slice("axial", 2), Slice("sagittal", 2), Slice("coronal", 0)]
    assert found[1].name(ANATOMY) == "axial 20 mm"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("axail:3", "did you mean 'axial'"),
        ("axial:", "a slice is a place in mm, as axial:30,40, got ''"),
        ("axial:70", "axial slices lie between 10 and 40 mm, got 70"),
    ],
)
def test_what_is_no_slice_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        read_slices(text, ANATOMY)


@pytest.mark.parametrize(
    ("plane", "up", "left"),
    [("axial", (0, 1, 0), (1, 0, 0)), ("coronal", (0, 0, 1), (1, 0, 0)), ("sagittal", (0, 0, 1), (0, 1, 0))],
)
def test_the_right_of_the_patient_is_left_on_the_screen(plane, up, left):
    """Axes of the volume point to the right, to the front, up; the first row is the top."""
    places = np.stack(np.meshgrid(*map(np.arange, (5, 6, 7)), indexing="ij"), -1)
    for direction, axis in ((up, 0), (left, 1)):
        shown = Slice(plane, 3).shown(places @ np.array(direction))
        assert (np.diff(shown, axis=axis) == -1).all()


def test_voxels_on_the_screen_have_the_size_of_their_plane():
    assert Slice("axial", 3).voxel_mm(ANATOMY) == (2, 2)
    assert Slice("coronal", 3).voxel_mm(ANATOMY) == (5, 2)


def test_the_middle_ones_are_axial_and_different():
    assert middle_slices(ANATOMY, 3) == [Slice("axial", 2), Slice("axial", 3), Slice("axial", 4)]
    flat = Anatomy(AFFINE, {"GM": np.ones((5, 6, 1))})
    assert middle_slices(flat, 3) == [Slice("axial", 0)]
