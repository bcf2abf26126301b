"""What a page computes with."""

import base64
import math

import numpy as np

from sequence_search.objective import Objective, Term, own_term
from sequence_search.page.data import kinds_data, objective_data, sequence_data, voxels_data
from sequence_search.pulses.shapes import Hard, Sinc
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels


def test_a_sequence_without_a_layout_has_a_plain_one():
    data = sequence_data(Sequence.from_degrees_ms([90, 180], [0, 90], [5, 5]))
    assert data["flip"] == [math.pi / 2, math.pi]
    assert data["delay"] == [0.005, 0.005]
    assert data["layout"]["multiples"] == [[1, 0], [0, 1]]
    assert data["layout"]["readouts"] == [{"pulse": 1, "multiples": [0, 1], "gradient": 0}]


def test_voxels_are_exact_and_may_be_infinite():
    packed = voxels_data(Voxels(t1=[1 / 3, math.inf], tissue=[0, 2]))
    assert np.frombuffer(base64.b64decode(packed["t1"]), "<f8").tolist() == [1 / 3, math.inf]
    assert np.frombuffer(base64.b64decode(packed["t2Prime"]), "<f8").tolist() == [math.inf, math.inf]
    assert np.frombuffer(base64.b64decode(packed["tissue"]), "<i4").tolist() == [0, 2]


def test_a_term_of_the_users_own_has_no_kind():
    own = Term("mine", own_term(lambda magnitude, *_: magnitude.sum(-1)), 2.0)
    (data,) = objective_data(Objective((own,)))
    assert (data["name"], data["kind"], data["weight"]) == ("mine", "", 2.0)


def test_kinds_have_their_waveform_and_b1():
    kinds = {"now": Hard(), "sinc": Sinc(duration=2e-3, time_bandwidth=4, slice=True)}
    data = kinds_data(kinds)
    assert data["now"]["peakB1"] is None  # an instantaneous pulse has no bound
    assert data["sinc"]["sliceBandwidth"] == 2000
    assert math.isclose(sum(data["sinc"]["real"]), 1)
    assert math.isclose(data["sinc"]["peakB1"], kinds["sinc"].peak_b1_ut(1.0))
