"""Phases as they are written; that a sequence keeps its signal with them is in `test_sequence`."""

import math

import numpy as np
import pytest
import torch

from sequence_search.layout import SPOILER, Layout
from sequence_search.phases import second_not_negative, turned_to_zero, wrap


def radians(*degrees):
    return torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))


@pytest.mark.parametrize(("angle", "expected"), [(180, 180), (-180, 180), (190, -170), (-190, 170), (720, 0)])
def test_wrap(angle, expected):
    angles = np.radians([angle])
    for wrapped in (wrap(angles[0].item()), wrap(angles).item(), wrap(torch.from_numpy(angles)).item()):
        assert math.degrees(wrapped) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("gradients", "expected"), [((0, 0, 0), [0, -170, 20]), ((0, SPOILER, 0), [0, -170, 0])]
)
def test_phases_begin_at_zero_and_behind_each_spoiler(gradients, expected):
    layout = Layout.plain(3, gradients=gradients)
    turned = turned_to_zero(radians(90, -90, 90), radians(30, 40, 50), layout)
    assert turned.rad2deg().tolist() == pytest.approx(expected)


def test_of_a_layout_the_first_phase_that_has_a_sign_decides():
    phases = radians(0, 180, -20)
    assert second_not_negative(phases, None).rad2deg().tolist() == pytest.approx([0, 180, -20])
    mirrored = second_not_negative(phases, Layout.plain(3, gradients=(SPOILER, 0, 0)))
    assert mirrored.rad2deg().tolist() == pytest.approx([0, 180, 20])
    assert second_not_negative(radians(0), None).tolist() == [0]
