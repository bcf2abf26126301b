import json
import sys

import numpy as np
import pytest

from cli_call import ECHO, assert_fits, call, one_line

nibabel = pytest.importorskip("nibabel")
SHAPE = (8, 9, 4)


@pytest.fixture
def maps(tmp_path):
    """A head of three tissues, and the options that name it."""
    index = np.arange(SHAPE[0])[:, None, None] * np.ones(SHAPE)
    options = []
    for number, name in enumerate(("GM", "WM", "CSF")):
        file = tmp_path / f"{name}.nii.gz"
        part = (index % 3 == number).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(part, np.diag([2.0, 2, 5, 1])), file)
        options += ["--map", f"{name}={file}"]
    return options


def preview(tmp_path, *more, problem="csf-null-w1"):
    return call("preview", problem, *ECHO, "--out", tmp_path / "out.png", *more)


def test_it_writes_a_figure_and_tells_the_numbers_of_both(width, maps, tmp_path):
    done = preview(tmp_path, *maps, "--snr", 40, "--reference", "GM", "--fields")
    assert done.exit_code == 0, done.output
    assert_fits(done.stdout, width)
    assert "conventional sequence" in one_line(done.stdout)
    assert "GM of this design has an SNR of 40" in one_line(done.stdout)
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_json_has_the_signal_of_each_tissue_and_the_sequences(maps, tmp_path):
    (tmp_path / "mine.json").write_text('{"flip_deg": [30], "phase_deg": [0], "delay_ms": [6]}')
    beside = ("--beside", tmp_path / "mine.json")
    record = json.loads(preview(tmp_path, *maps, *beside, "--format", "json").stdout)
    assert list(record["images"]) == ["this design", "conventional sequence", "mine.json"]
    assert record["images"]["mine.json"]["sequence"]["flip_deg"] == pytest.approx([30])
    ((readout),) = record["images"]["this design"]["readouts"]
    assert readout["time_ms"] == pytest.approx(12.4)
    assert [each["tissue"] for each in readout["tissues"]] == ["GM", "WM", "CSF"]
    evaluated = json.loads(call("evaluate", "csf-null-w1", *ECHO, "--format", "json").stdout)
    assert readout["tissues"][0]["mean"] == pytest.approx(evaluated["signal"]["GM"], abs=0.02)


def test_the_whole_volume_is_written_with_the_affine_of_the_maps(maps, tmp_path):
    file = tmp_path / "image.nii.gz"
    assert preview(tmp_path, *maps, "--nifti", file, "--slices", "axial:5").exit_code == 0
    found = nibabel.load(file)
    assert found.shape == SHAPE
    assert found.affine == pytest.approx(np.diag([2, 2, 5, 1]))
    assert (np.asarray(found.dataobj) > 0.1).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--map", "GM"], "--map takes NAME=FILE, as GM=gm.nii.gz, got 'GM'"),
        (["--map", "GM=nowhere.nii"], "nowhere.nii: cannot be read as NIfTI"),
        (["--voxel-mm", "1,2"], "--voxel-mm takes one number or three"),
        (["--voxel-mm", "-1"], "--voxel-mm must be above 0"),
        (["--slices", "axial:1000"], "axial slices lie between 0 and 15 mm, got 1000"),
        (["--reference", "GM"], "--reference GM is of --snr, which is not given"),
        (["--snr", "10", "--reference", "fat"], "no voxel shown is nine tenths of fat"),
        (["--nifti", "image.png"], "--nifti must be a .nii or .nii.gz file, got image.png"),
        (["--nifti", "nowhere/image.nii"], "--nifti nowhere/image.nii: there is no folder nowhere"),
        (["--beside", "nowhere.json"], "nowhere.json"),
    ],
)
def test_wrong_options_end_in_2_with_nothing_written(maps, tmp_path, options, message):
    given = [*(maps if "--map" not in options and "--voxel-mm" not in options else []), *options]
    done = preview(tmp_path, *given)
    assert done.exit_code == 2
    assert message in one_line(done.stderr)
    assert not (tmp_path / "out.png").exists()


def test_tissues_without_a_map_are_named(tmp_path, maps):
    done = preview(tmp_path, *maps[:2])
    assert done.exit_code == 2
    assert "has WM and CSF, of which there is no map" in one_line(done.stderr)


@pytest.mark.parametrize("module", ["nilearn.datasets", "nibabel"])
def test_without_the_extra_it_says_how_to_install_it(module, maps, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    done = preview(tmp_path, *(maps if module == "nibabel" else []))
    assert done.exit_code == 2
    assert f"a preview needs {module.partition('.')[0]}: pip install 'sequence-search[preview]'" in one_line(
        done.stderr
    )


def test_a_tissue_that_the_problem_has_not_stays_dark_and_that_is_told(maps, tmp_path):
    pulses = ["--pulses", "excite,refocus", "--gradients", "crusher,crusher"]
    done = call(
        "preview",
        "spin-echo-2d",
        "--flip-deg",
        "90",
        "180",
        "--phase-deg",
        "0",
        "90",
        "--delay-ms",
        "8",
        "8",
        *pulses,
        *maps,
        "--out",
        tmp_path / "out.png",
    )
    assert done.exit_code == 0, done.output
    assert "note: 'spin-echo-2d' has no CSF, which stays dark" in one_line(done.stderr)
    assert "CSF" not in done.stdout
