"""Spins of a voxel: the moves of a single one, and their means."""

import math

import numpy as np
import pytest

from conftest import make_voxels
from sequence_search.engines.ensemble import LATTICE, Spins, ensemble_of, lattice_points


def spins(mxy, mz):
    return Spins(np.full((1, 1), mxy, complex), np.full((1, 1), mz, float))


@pytest.mark.parametrize(
    ("about", "mxy", "mz"),
    [((1, 0), -1j, 0), ((1j, 0), 1, 0), ((-1, 0), 1j, 0), ((0, 1), 0, 1)],
)
def test_a_quarter_turn_of_mz_is_right_handed(about, mxy, mz):
    about_xy, about_z = (part * math.pi / 2 for part in about)
    turned = spins(0.0, 1.0).turn(complex(about_xy), float(about_z))
    np.testing.assert_allclose([turned.mxy.item(), turned.mz.item()], [mxy, mz], atol=1e-15)


def test_a_turn_about_z_is_precession():
    turned, waited = spins(0.6, 0.2).turn(0j, 0.7), spins(0.6, 0.2).wait(0.7, 1 / (2 * math.pi), 0.0, 0.0)
    np.testing.assert_allclose(turned.mxy, waited.mxy)
    np.testing.assert_allclose(turned.mz, waited.mz)


def test_turns_keep_the_length_and_are_undone():
    turned = spins(0.6 - 0.3j, 0.2).turn(1.1 + 0.4j, 0.9)
    assert abs(turned.mxy.item()) ** 2 + turned.mz.item() ** 2 == pytest.approx(0.49)
    back = turned.turn(-1.1 - 0.4j, -0.9)
    np.testing.assert_allclose([back.mxy.item(), back.mz.item()], [0.6 - 0.3j, 0.2])


def test_a_wait_is_undone_by_a_negative_one():
    back = spins(0.6, 0.2).wait(0.1, 30.0, 1.0, 12.0).wait(-0.1, 30.0, 1.0, 12.0)
    np.testing.assert_allclose([back.mxy.item(), back.mz.item()], [0.6, 0.2])


def test_frequencies_are_a_lorentzian_and_a_uniform_spread():
    voxels = make_voxels(t2_prime=0.15, spread=20.0)
    points = lattice_points(1, 2**16, 4, np.random.default_rng(0))
    ensemble = ensemble_of(voxels, 0, points, np.zeros((1, 1)), None, None)
    times = np.array([0.001, 0.01, -0.03, 0.1])
    found = [ensemble.mean(np.exp(2j * math.pi * ensemble.own * t)).item() for t in times]
    np.testing.assert_allclose(found, np.exp(-abs(times) / 0.15) * np.sinc(40 * times), atol=5e-5)


def test_on_a_raster_a_lorentzian_is_exact():
    voxels, raster = make_voxels(t2_prime=0.03), 2e-3
    points = lattice_points(1, 2**10, 4, np.random.default_rng(0))
    ensemble = ensemble_of(voxels, 0, points, np.zeros((1, 1)), None, raster)
    times = raster * np.arange(-50, 50)
    found = [ensemble.mean(np.exp(2j * math.pi * ensemble.own * t)).item() for t in times]
    np.testing.assert_allclose(found, np.exp(-abs(times) / 0.03), atol=1e-12)


def test_whole_cycles_over_the_voxel_leave_nothing():
    points = lattice_points(2, 2**12, len(LATTICE), np.random.default_rng(0))
    for first in points:
        for second in points:
            for cycles in (1, 3):
                mean = np.exp(2j * math.pi * (first + cycles * second)).mean(-1)
                np.testing.assert_allclose(mean, 0, atol=1e-12)


@pytest.mark.parametrize(("n_spoilers", "crusher", "n_points"), [(7, 0, 2**12), (9, 0, 2**14), (6, 2, 2**14)])
def test_coherences_of_several_spoilers_leave_nothing(n_spoilers, crusher, n_points):
    # How many wave vectors come to each phase, of 1 cycle of the Lorentzian and of each spoiler.
    reached = np.eye(1, n_points)[0]
    cycles = {LATTICE[0]: 1, LATTICE[2]: crusher} | dict.fromkeys(LATTICE[4 : 4 + n_spoilers], 1)
    for component, most in cycles.items():
        reached = sum(np.roll(reached, h * component) for h in range(-most, most + 1))
    assert reached[0] == 1  # that of no cycles
