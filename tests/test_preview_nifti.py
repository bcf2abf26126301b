import numpy as np
import pytest

from sequence_search.preview import read_anatomy, write_nifti

nibabel = pytest.importorskip("nibabel")
SHAPE = (4, 5, 3)
AFFINE = np.array([[-2.0, 0, 0, 8], [0, 2.0, 0, -10], [0, 0, 3.0, 0], [0, 0, 0, 1]])  # x to the left
MOVED = np.outer([0, 0, 1, 0], [0, 0, 0, 2])


def written(file, values, affine=AFFINE):
    nibabel.save(nibabel.Nifti1Image(np.asarray(values, np.float32), affine), file)
    return file


@pytest.fixture
def maps(tmp_path):
    rng = np.random.default_rng(0)
    values = {"T1": rng.uniform(500, 3000, SHAPE), "T2": rng.uniform(50, 100, SHAPE), "PD": rng.random(SHAPE)}
    return {name: written(tmp_path / f"{name}.nii.gz", part) for name, part in values.items()}, values


def test_maps_are_read_in_seconds_with_x_to_the_right(maps, tmp_path):
    files, values = maps
    files["b0"] = written(tmp_path / "b0.nii", np.full(SHAPE, -30))
    found = read_anatomy(files)
    assert found.properties["t1"] == pytest.approx(values["T1"][::-1] / 1e3, rel=1e-6)
    assert found.properties["m0"] == pytest.approx(values["PD"][::-1], rel=1e-6)
    assert found.b0 == pytest.approx(-30)
    assert found.b1 is None
    assert found.affine @ [3, 0, 0, 1] == pytest.approx(AFFINE @ [0, 0, 0, 1])


def test_other_names_are_tissues_and_may_be_had_in_larger_voxels(tmp_path):
    files = {"GM": written(tmp_path / "gm.nii", np.full((*SHAPE, 1), 0.5))}
    assert read_anatomy(files).fractions["GM"] == pytest.approx(0.5)
    assert read_anatomy(files, (4.0, 10.0, 9.0)).shape == (2, 1, 1)


def test_an_image_comes_back_as_it_was(tmp_path):
    volume = np.random.default_rng(0).random((*SHAPE, 2)).astype(np.float32)
    write_nifti(tmp_path / "image.nii.gz", volume, np.abs(AFFINE))
    found = nibabel.load(tmp_path / "image.nii.gz")
    assert found.get_data_dtype() == np.float32
    assert (np.asarray(found.dataobj) == volume).all()
    assert found.affine == pytest.approx(np.abs(AFFINE))
    assert found.header.get_xyzt_units()[0] == "mm"
    assert [file.name for file in tmp_path.iterdir()] == ["image.nii.gz"]


@pytest.mark.parametrize(
    ("name", "values", "affine", "message"),
    [
        ("T1", np.full(SHAPE, 1.3), AFFINE, "T1 must be in ms, got a largest value of 1.3"),
        (
            "T2",
            np.full(SHAPE, -80) + 160 * np.eye(4, 5)[..., None],
            AFFINE,
            "T2 must not be negative, got -80",
        ),
        (
            "b1",
            np.full(SHAPE, 95),
            AFFINE,
            "b1 must be relative to nominal, which is 1, got a largest value of 95",
        ),
        ("PD", np.full(SHAPE, np.nan), AFFINE, "60 values are NaN or infinite: write 0"),
        ("PD", np.ones((4, 5, 2)), AFFINE, r"has \(4, 5, 2\) voxels, and .* has \(4, 5, 3\)"),
        ("PD", np.ones(SHAPE), AFFINE + MOVED, "2 mm apart"),
        ("PD", np.ones((*SHAPE, 2)), AFFINE, r"three dimensions, got \(4, 5, 3, 2\)"),
        ("M0", np.ones(SHAPE), AFFINE, "there is a map of PD already, which is the same as M0"),
    ],
)
def test_a_map_that_cannot_be_is_refused_with_its_file(maps, tmp_path, name, values, affine, message):
    files, _ = maps
    file = written(tmp_path / "wrong.nii", values, affine)
    with pytest.raises(ValueError, match=message) as error:
        read_anatomy(files | {name: file})
    assert "wrong.nii" in str(error.value)


def test_what_is_no_nifti_or_incomplete_is_refused(maps, tmp_path):
    files, _ = maps
    (tmp_path / "text.nii").write_text("no image")
    with pytest.raises(ValueError, match=r"text.nii: cannot be read as NIfTI"):
        read_anatomy({"GM": tmp_path / "text.nii"})
    (tmp_path / "short.nii.gz").write_bytes(files["PD"].read_bytes()[:200])
    with pytest.raises(ValueError, match=r"short.nii.gz: cannot be read as NIfTI"):
        read_anatomy({"GM": tmp_path / "short.nii.gz"})
    with pytest.raises(ValueError, match=r"nowhere.nii: cannot be read as NIfTI"):
        read_anatomy({"GM": tmp_path / "nowhere.nii"})
    with pytest.raises(ValueError, match="maps of T2 and PD are missing"):
        read_anatomy({"T1": files["T1"]})
