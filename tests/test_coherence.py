import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import make_voxels
from sequence_search import coherence
from sequence_search.coherence import coherence_pathways, dephasing
from sequence_search.engines.simulator import Simulator
from sequence_search.layout import Layout
from sequence_search.sequence import Sequence


@given(
    pulses=st.lists(st.tuples(st.floats(-200, 200), st.floats(-180, 180), st.floats(0, 60)), max_size=5),
    offset=st.floats(-50, 50),
)
def test_the_sum_of_all_is_the_magnetization_of_the_engine(pulses, offset):
    sequence = Sequence.from_degrees_ms(*np.reshape(pulses, (len(pulses), 3)).T)
    pathways = coherence_pathways(sequence, t1=0.8, t2=0.05)
    parts = pathways.amplitude * np.exp(2j * math.pi * offset * pathways.clock)
    is_z = (pathways.orders[:, -1:] == 0).all(1)
    voxels = make_voxels(t1=0.8, t2=0.05, b0=offset)
    mxy, mz = Simulator(voxels, engine="pathways").magnetization(sequence)
    assert parts[~is_z].sum() == pytest.approx(complex(mxy[0]), abs=1e-10)
    assert parts[is_z].sum() == pytest.approx(complex(mz[0]), abs=1e-10)


def test_a_stimulated_echo_is_two_waits_transverse_and_one_stored():
    pathways = coherence_pathways(Sequence.from_degrees_ms([90] * 3, [0] * 3, [10, 50, 12]))
    (echo,) = np.flatnonzero((pathways.orders == [-1, 0, 1]).all(1))
    assert pathways.source[echo] == 0
    assert abs(pathways.amplitude[echo]) == pytest.approx(0.5 * math.exp(-0.022 / 0.1 - 0.05 / 1.0))
    assert pathways.clock[echo] == pytest.approx(2e-3)
    assert pathways.transverse_time[echo] == pytest.approx(22e-3)


def test_what_recovered_is_a_pathway_of_its_own():
    pathways = coherence_pathways(Sequence.from_degrees_ms([90, 90], [0, 0], [400, 5]), t1=0.9, t2=math.inf)
    (fresh,) = np.flatnonzero((pathways.orders == [0, 1]).all(1))
    assert pathways.source[fresh] == 1
    assert abs(pathways.amplitude[fresh]) == pytest.approx(1 - math.exp(-0.4 / 0.9))


def test_of_many_the_largest_are_kept(monkeypatch):
    sequence = Sequence.from_degrees_ms([90, 150, 150, 150], [0, 90, 90, 90], [5, 10, 10, 5])
    complete = coherence_pathways(sequence)
    monkeypatch.setattr(coherence, "LARGEST_NUMBER", 20)
    pruned = coherence_pathways(sequence)
    assert len(pruned.source) == 20
    assert abs(pruned.amplitude).max() == abs(complete.amplitude).max()


def test_dephasing_never_grows_with_the_clock():
    share = dephasing(np.linspace(0, 0.2, 400))
    assert share[0] == 1
    assert (np.diff(share) < 0).all()
    assert dephasing(np.array([-4e-3])) == pytest.approx(dephasing(np.array([4e-3])))


@pytest.mark.parametrize(
    "layout",
    [
        Layout.plain(4, gradients=("spoiler", 1, 2, 1)),
        Layout.plain(4, gradients=(1, "spoiler", 1, 1), steady=True),
        Layout.plain(4, gradients=("spoiler", "spoiler", 0, 0)),
        Layout.train(2, before=("spoiler",), crusher=1),
    ],
)
def test_of_a_layout_those_without_a_moment_are_the_magnetization_of_the_engine(layout):
    numbers = [80, 120, 95, 140], [0, 30, 100, 170], [9, 31, 7, 12, 400][: layout.n_delay]
    sequence = Sequence.from_degrees_ms(*numbers, layout=layout)
    once = replace(sequence, layout=replace(layout, steady=False))
    pathways = coherence_pathways(sequence, t1=0.8, t2=0.05, mz=0.6)
    pathways = pathways[pathways.moment == 0]
    parts = pathways.amplitude * np.exp(2j * math.pi * 20 * pathways.clock)
    is_z = pathways.orders[:, -1] == 0
    mxy, mz = Simulator(make_voxels(t1=0.8, t2=0.05, b0=20.0)).magnetization(once, 0.6)
    assert parts[~is_z].sum() == pytest.approx(complex(mxy.flatten()[-1]), abs=1e-10)
    assert parts[is_z].sum() == pytest.approx(complex(mz.flatten()[-1]), abs=1e-10)
    assert abs(parts[~is_z].sum()) > 1e-3
