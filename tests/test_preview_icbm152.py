import sys

import numpy as np
import pytest

from sequence_search.preview import icbm152


@pytest.fixture(scope="module")
def brain():
    pytest.importorskip("nilearn")
    return icbm152((4.0, 4.0, 4.0))


def test_the_brain_is_there_in_full_and_to_both_sides(brain):
    volume = {name: part.sum() * 0.064 for name, part in brain.fractions.items()}  # ml
    assert 600 < volume["GM"] < 1200
    assert 400 < volume["WM"] < 800
    assert 100 < volume["CSF"] < 600
    x = (np.argwhere(brain.inside) @ brain.affine[:3, :3].T + brain.affine[:3, 3])[:, 0]
    assert abs(x.mean()) < 2  # mm
    ventricle = np.linalg.inv(brain.affine) @ [-6, 4, 16, 1]
    assert brain.fractions["CSF"][tuple(np.rint(ventricle[:3]).astype(int))] > 0.5


def test_without_nilearn_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "nilearn.datasets", None)
    with pytest.raises(
        ValueError, match=r"a preview needs nilearn: pip install 'sequence-search\[preview\]'"
    ):
        icbm152()
