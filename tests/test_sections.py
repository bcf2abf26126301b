from dataclasses import replace

import pytest

from sequence_search.engines.simulator import Simulator
from sequence_search.layout import Layout
from sequence_search.sections import section, up_to_readout
from sequence_search.sequence import Sequence
from sequence_search.structure import find_structure, uses
from sequence_search.voxels import Voxels

VOXEL = Voxels(t1=0.8, t2=0.08, t2_prime=0.16, b1=[0.9], b0=20.0, spread=30.0)


def train(**how):
    layout = Layout.train(3, before=("spoiler",), crusher=1, **how)
    numbers = [150, 80, 120, 110, 130], [0, 90, 0, 10, 20]
    return Sequence.from_degrees_ms(*numbers, [200, 5, 700][: layout.n_delay], layout=layout)


@pytest.mark.parametrize("readout", [0, 1, 2, -1])
def test_a_readout_of_a_train_is_that_of_the_sequence_up_to_it(readout):
    read = up_to_readout(train(), readout)
    assert read.layout.multiples == Layout.plain(len(read.delay)).multiples
    signal = Simulator(VOXEL).signal(read)
    assert complex(signal) == pytest.approx(complex(Simulator(VOXEL).signal(train())[readout]), abs=1e-12)


def test_repetition_ends_at_the_readout():
    steady, once = up_to_readout(train(steady=True)), up_to_readout(train())
    assert steady == once
    plain = Sequence.from_degrees_ms([90], [0], [5])
    assert up_to_readout(plain) is plain


def test_a_section_plays_its_pulses_with_their_delays_and_gradients():
    read = up_to_readout(train())
    first, second = section(read, range(2)), section(read, range(2, 5))
    assert (len(first.delay), first.layout.gradients) == (2, ("spoiler", 1))
    assert second.layout.gradients == (2, 2, 1)
    assert second.flip_angle.tolist() == read.flip_angle[2:].tolist()
    assert section(read, range(0)).layout is None


def test_of_readouts_out_of_order_the_latest_is_taken():
    given = train()
    layout = replace(given.layout, readouts=given.layout.readouts[::-1])
    assert up_to_readout(replace(given, layout=layout)) == up_to_readout(given)
    assert find_structure(replace(given, layout=layout)) == find_structure(given)
    assert uses(replace(given, layout=layout)) == uses(given)
