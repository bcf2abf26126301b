"""The image that an exported file gives of an object has the contrast of the preview of its design."""

import numpy as np
import pytest

pytest.importorskip("pypulseq")
pytest.importorskip("nilearn")

from phantom import make_scan, parts_of


def check(scan, found):
    expected = scan.contrasts(scan.previewed())
    assert scan.contrasts(found) == pytest.approx(expected, rel=0.03)
    assert np.corrcoef(np.abs(found).ravel(), np.abs(scan.previewed()).ravel())[0, 1] > 0.99


@pytest.mark.slow
@pytest.mark.parametrize("selective", [False, True])
def test_a_cartesian_spin_echo_played_on_our_spins(selective, tmp_path):
    scan = make_scan(64, selective=selective)
    check(scan, scan.scanned(scan.write(tmp_path / "spin-echo.seq")))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # its own
def test_a_cartesian_spin_echo_played_by_mrzero(tmp_path):
    """It takes pulses as instantaneous, and turns the other way: its image is the conjugate of ours."""
    mrzero = pytest.importorskip("MRzeroCore")
    torch = pytest.importorskip("torch")
    scan = make_scan(64, selective=False)
    file = scan.write(tmp_path / "spin-echo.seq")
    parts = parts_of(scan.slice, scan.problem, scan.size)
    values = {
        name: getattr(parts.voxels, key).float()
        for name, key in {
            "PD": "m0",
            "T1": "t1",
            "T2": "t2",
            "T2dash": "t2_prime",
            "B0": "b0",
            "B1": "b1",
        }.items()
    }
    place = torch.as_tensor(parts.place, dtype=torch.float32)
    phantom = mrzero.CustomVoxelPhantom(
        place, D=torch.zeros(len(place)), voxel_size=scan.size, voxel_shape="box", **values
    )
    data = phantom.build()
    sequence = mrzero.Sequence.import_file(str(tmp_path / "spin-echo.seq"))
    graph = mrzero.compute_graph(sequence, data, 200, 1e-4)
    signal = mrzero.execute_graph(graph, sequence, data, print_progress=False)
    check(scan, scan.reconstructed(file, signal.numpy().reshape(scan.matrix, -1).conj()))
