import math
import re
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pypulseq as pp
import pytest
import torch

from export_cases import KINDS, Timeline, inversion_recovery, problem, spin_echo, train
from sequence_search.export import Protocol, pulseq
from sequence_search.layout import Layout, Readout
from sequence_search.playback.comparison import compare
from sequence_search.problem.problem import Problem
from sequence_search.pulses.shapes import Hard
from sequence_search.sequence import Sequence
from sequence_search.system import load_system

CRUSHER = 4 / 5e-3  # four cycles over 5 mm


@pytest.mark.parametrize("system", ["siemens-prisma", "ge-premier", "philips-ingenia"])
@pytest.mark.parametrize("design", [spin_echo, inversion_recovery, train])
@pytest.mark.parametrize("readout", ["none", "cartesian"])
def test_timing_is_clean_on_every_scanner(system, design, readout):
    echoes = 4 if design is train else 1
    how = Protocol(readout=readout, matrix=(16, 4), dummies=1, bandwidth=500.0, slice_thickness=8e-3)
    system_of = system if system != "philips-ingenia" or design is train else "siemens-skyra"
    found = pulseq(design(), problem(echoes=echoes), system=system_of, protocol=how)
    assert found.check_timing() == (True, [])


def test_pulses_and_readout_stand_at_their_times():
    played = Timeline(pulseq(inversion_recovery(), problem(), protocol=Protocol(dummies=1)))
    first = np.array(played.pulses[:3])
    assert first - first[0] == pytest.approx([0, 0.6, 0.61], abs=1e-9)
    assert played.pulses[3] - first[0] == pytest.approx(3.0, abs=1e-9)
    assert played.readouts[0].mean() - played.pulses[3] == pytest.approx(0.62, abs=1e-9)
    assert played.uses[:3] == ["inversion", "excitation", "refocusing"]


def test_a_pulse_of_0_degrees_is_its_time_and_gradients_alone(tmp_path):
    """A file with an RF event without amplitude is none that can be read."""
    idle = inversion_recovery()
    idle = replace(idle, flip_angle=idle.flip_angle * torch.tensor([1.0, 1.0, 0.0]))
    whole, found = (
        pulseq(each, problem(), protocol=Protocol(dummies=1)) for each in (inversion_recovery(), idle)
    )
    assert found.check_timing() == (True, [])
    file = tmp_path / "idle.seq"
    found.write(str(file))
    read = pp.Sequence()
    read.read(str(file))
    played, as_before = Timeline(read), Timeline(whole)
    assert played.pulses == pytest.approx([as_before.pulses[at] for at in (0, 1, 3, 4)])
    assert played.area(0, 3) == pytest.approx(as_before.area(0, 3), rel=1e-5, abs=1e-3)


def test_equal_delays_stay_equal_on_the_raster():
    layout = Layout.train(3, crusher=1, kinds=["excite", *["refocus"] * 3], steady=True)
    odd = Sequence.from_degrees_ms([90, 150, 150, 150], [0, 90, 90, 90], [10.0049, 2939.97], layout=layout)
    played = Timeline(pulseq(odd, problem(tr=2.9999994, echoes=3), protocol=Protocol(dummies=1)))
    assert np.diff(played.pulses[:4]) == pytest.approx([0.01, 0.02, 0.02], abs=1e-9)
    assert played.pulses[4] - played.pulses[0] == pytest.approx(3.0, abs=1e-9)


@pytest.mark.parametrize("turbo", [False, True])
def test_an_uneven_train_is_read_at_its_echoes(turbo):
    """10 ms to the first refocusing pulse and as much after it, 16 ms about the second."""
    layout = Layout(
        multiples=((1, 0, 0), (1, 1, 0), (0, 1, 1)),
        gradients=(1, 2, 1),
        kinds=("excite", "refocus", "refocus"),
        readouts=(Readout(1, (1, 0, 0), 1), Readout(2, (0, 1, 0), 1)),
        steady=True,
    )
    design = Sequence.from_degrees_ms([90, 180, 180], [0, 90, 90], [10, 16, 2948], layout=layout)
    how = Protocol(readout="cartesian", matrix=(16, 4), dummies=0, turbo=turbo, bandwidth=500.0)
    played = Timeline(pulseq(design, problem(echoes=2), protocol=how))
    excitation, *refocusing = played.pulses[:3]
    echoes = [samples[8] for samples in played.readouts[:2]]
    assert np.array(refocusing) - excitation == pytest.approx([0.01, 0.036], abs=1e-9)
    assert np.array(echoes) - excitation == pytest.approx([0.02, 0.052], abs=1e-9)
    assert played.area(refocusing[0], refocusing[1])[2] == pytest.approx(2 * CRUSHER, abs=1e-3)
    assert played.area(refocusing[1], echoes[1])[2] == pytest.approx(CRUSHER, abs=1e-3)
    assert played.pulses[3] - excitation == pytest.approx(3.0, abs=1e-9)


def test_crushers_are_of_four_cycles_on_both_sides_and_slices_are_balanced():
    played = Timeline(pulseq(spin_echo(), problem(), protocol=Protocol(dummies=0)))
    excitation, refocusing = played.pulses[:2]
    echo = played.readouts[0].mean()
    assert played.area(excitation, refocusing) == pytest.approx([0, 0, CRUSHER], abs=1e-3)
    assert played.area(refocusing, echo) == pytest.approx([0, 0, CRUSHER], abs=1e-3)


def test_no_sum_or_difference_of_spoilers_and_crushers_refocuses():
    layout = Layout.plain(4, gradients=("spoiler", "spoiler", 1, 1), steady=True)
    design = Sequence.from_degrees_ms([90, 90, 90, 180], [0] * 4, [50, 50, 10, 10, 1000], layout=layout)
    how = Protocol(dummies=1)
    played = Timeline(pulseq(design, problem(tr=1.12), protocol=how))
    times = [*played.pulses[:4], played.pulses[4]]
    steps = [played.area(*pair) for pair in pairwise(times)]
    steps[-1] = steps[-1] - [0, 0, CRUSHER]  # up to the echo it is a crusher's, and what follows spoils
    for signs in np.ndindex(3, 3, 3, 3):
        sign = np.array(signs) - 1
        if sign[0] or sign[1] or sign[3]:
            assert max(abs(sign @ np.array(steps))) >= CRUSHER * (1 - 1e-6)


def test_samples_are_those_that_are_simulated():
    found = pulseq(spin_echo(), problem(), protocol=Protocol(dummies=0))
    rf = found.get_block(1).rf
    kind = KINDS["excite"]
    assert rf.signal == pytest.approx(
        np.repeat(kind.waveform, 10) * (math.pi / 2) / (2 * math.pi * 1e-5), abs=1e-4
    )
    assert abs(rf.signal.sum()) * 1e-6 == pytest.approx(0.25, rel=1e-7)  # of a turn


def test_phases_are_as_designed_and_rf_spoiling_is_that_of_ideal_spoiling_alone():
    ideal = Timeline(pulseq(spin_echo(), problem(), protocol=Protocol(dummies=2)))
    increments = np.degrees(ideal.phases).reshape(3, 2) - [0, 90]
    assert increments % 360 == pytest.approx(np.array([[0, 0], [117, 117], [351, 351]]), abs=1e-6)
    alike = problem(spoiling="unvaried")
    steady = Timeline(pulseq(spin_echo(), alike, protocol=Protocol(dummies=2)))
    assert np.degrees(steady.phases) == pytest.approx([0, 90] * 3)


def test_lines_are_encoded_about_the_readout_and_labelled():
    how = Protocol(readout="cartesian", matrix=(16, 8), fov=(0.2, 0.16), dummies=1)
    found = pulseq(spin_echo(), problem(), protocol=how)
    played = Timeline(found)
    centre = played.readouts[0][8]  # the sample of the centre of k-space
    assert centre - played.pulses[2] == pytest.approx(0.02, abs=1e-9)
    for line, samples in enumerate(played.readouts):
        excitation, refocusing = played.pulses[2 * line + 2 : 2 * line + 4]
        crushed = played.area(excitation, refocusing)
        k = np.array([played.area(refocusing, time) - crushed for time in samples])
        assert k[:, 0] == pytest.approx((np.arange(16) - 8) / 0.2, abs=1e-3)
        assert k[:, 1] == pytest.approx(np.full(16, (line - 4) / 0.16), abs=1e-3)
    assert found.evaluate_labels(evolution="adc")["LIN"].tolist() == list(range(8))


def test_what_is_encoded_is_taken_back_before_the_next_pulse_of_a_train():
    how = Protocol(readout="cartesian", matrix=(16, 8), dummies=0, turbo=True, bandwidth=500.0)
    found = pulseq(train(), problem(echoes=4), protocol=how)
    played = Timeline(found)
    assert len(played.readouts) == 8
    assert sorted(found.evaluate_labels(evolution="adc")["LIN"].tolist()) == list(range(8))
    voxel = np.array([0.22 / 16, 0.22 / 8, 5e-3])
    for shot, cycles in ((0, [0, 0, 4]), (5, [3, 0, 4])):
        for first, second in zip(
            played.pulses[shot + 1 : shot + 4], played.pulses[shot + 2 : shot + 5], strict=True
        ):
            assert played.area(first, second) == pytest.approx(2 * np.array(cycles) / voxel, abs=1e-3)


def test_a_design_that_is_played_once_is_repeated_for_an_image_alone():
    hard = Sequence.from_degrees_ms([90, 180], [0, 90], [9, 9])
    once = Problem.load("max-signal")
    assert len(Timeline(pulseq(hard, once)).pulses) == 2
    image = Timeline(pulseq(hard, once, protocol=Protocol(readout="cartesian", matrix=(8, 4), tr=2.0)))
    assert len(image.pulses) == 8
    assert image.pulses[2] - image.pulses[0] == pytest.approx(2.0, abs=1e-9)


def test_definitions_state_the_protocol():
    found = pulseq(inversion_recovery(), problem(), protocol=Protocol(readout="cartesian", matrix=(16, 4)))
    stated = found.definitions
    assert (stated["TE"], stated["TI"], stated["TR"]) == pytest.approx((0.02, 0.6, 3.0))
    assert stated["FOV"] == [0.22, 0.22, 0.005]


@pytest.mark.parametrize("flip_deg", [20, 60, 180])
@pytest.mark.parametrize(
    ("turbo", "lines", "te"),
    [
        (True, 8, 0.06),  # of four echoes the third reads the centre of k-space, line 4 of 8
        (True, 4, 0.06),
        (False, 4, [0.02, 0.04, 0.06, 0.08]),  # of each image its own
    ],
)
def test_the_echo_time_is_that_of_the_centre_of_k_space(flip_deg, turbo, lines, te):
    design = train()
    flips = design.flip_angle.clone()
    flips[1:] = math.radians(flip_deg)
    how = Protocol(readout="cartesian", matrix=(16, lines), turbo=turbo, bandwidth=500.0, dummies=0)
    found = pulseq(replace(design, flip_angle=flips), problem(echoes=4), protocol=how)
    assert found.definitions["TE"] == pytest.approx(te)
    if turbo:
        played = Timeline(found)
        centre = found.evaluate_labels(evolution="adc")["LIN"].tolist().index(lines // 2)
        excitation = 5 * (centre // 4)  # that of its shot
        assert played.readouts[centre][8] - played.pulses[excitation] == pytest.approx(te, abs=1e-6)


def test_a_dummy_is_not_read():
    found = pulseq(spin_echo(), problem(), protocol=Protocol(dummies=3))
    played = Timeline(found)
    assert (len(played.pulses), len(played.readouts)) == (8, 1)
    assert len(Timeline(pulseq(spin_echo(), problem())).pulses) == 2 * (3 + 1)  # 5 T1 of 1331 ms


def crushers(spoiling, protocol):
    """Cycles over a voxel from each excitation to its refocusing pulse."""
    played = Timeline(pulseq(spin_echo(), problem(spoiling=spoiling), protocol=protocol))
    pairs = zip(played.pulses[::2], played.pulses[1::2], strict=True)
    return np.array([played.area(*pair) * protocol.voxel for pair in pairs])


def test_crushers_vary_where_nothing_stored_may_come_back():
    varied = crushers("ideal", Protocol(dummies=4))
    assert varied[0] == pytest.approx(varied[4])
    assert crushers("unvaried", Protocol(dummies=1)) == pytest.approx(varied[[0, 0]])
    for one, other in combinations(varied[:4], 2):
        assert (one[2], other[2]) == pytest.approx((4, 4))  # so that no sum or double of them is another
        assert abs(one - other).max() == pytest.approx(3)


def test_where_there_is_no_time_to_vary_it_is_told_with_the_time_that_it_takes():
    slow, how = replace(load_system("siemens-prisma"), max_slew_t_m_s=5.0), Protocol(dummies=1)
    own = replace(problem(), search_space=replace(problem().search_space, crusher=0.0))

    def steps_of_crushers(delay_ms):
        delay = torch.tensor([delay_ms / 1e3, 10e-3, 2.99 - delay_ms / 1e3], dtype=torch.float64)
        played = Timeline(pulseq(replace(spin_echo(), delay=delay), own, system=slow, protocol=how))
        first, second = (played.area(*played.pulses[start : start + 2]) for start in (0, 2))
        return (second - first) * how.voxel

    alike = r"repetitions are alike, .* from pulse 1 .* must be at least (\S+) ms, got 8\.4$"
    with pytest.warns(UserWarning, match=alike) as told:
        assert steps_of_crushers(8.4) == pytest.approx(0, abs=1e-6)
    least = float(re.search(alike, str(told[0].message)).group(1))
    assert steps_of_crushers(least) == pytest.approx([3, 0, 0])
    with pytest.warns(UserWarning, match=f"must be at least {least} ms"):
        steps_of_crushers(least - 0.01)


@pytest.mark.slow
@pytest.mark.parametrize("design", [spin_echo, inversion_recovery, train])
def test_what_is_played_is_the_design(design):
    how, own = Protocol(), problem(echoes=4 if design is train else 1)
    found = compare(pulseq(design(), own, protocol=how), design(), own, n_per_tissue=16, size=how.voxel)
    assert found.largest < 0.01


@pytest.mark.parametrize(("phase_deg", "expected"), [(0, 0.0), (90, 1.0)])
def test_a_pulse_is_played_at_its_frequency_with_its_phase_at_its_centre(phase_deg, expected):
    """Fat is turned into the plane by 90° at its frequency, then to -z or about itself by a rectangle there.

    From centre to centre it turns by whole cycles. Water is turned by the rectangle alone, which is short.
    """
    own = problem(tr=math.inf)
    tissue = replace(own.tissues[0], m0=1.0, t1=3.0, t2=3.0, t2_prime=math.inf)
    water, fat = (replace(tissue, name=name, b0=b0) for name, b0 in (("water", 0.0), ("fat", -440.0)))
    imaging = replace(own.imaging, b0=0.0, b1=1.0, spread=0.0)
    kinds = {"fat": KINDS["fat"], "block": Hard(duration=5e-4, offset=-440.0)}
    space = replace(own.search_space, pulses=("block",))
    own = replace(own, tissues=(water, fat), imaging=imaging, pulses=kinds, search_space=space)
    design = own.played(Sequence.from_degrees_ms([90, 90], [0, phase_deg], [25, 10]), kinds=["fat", "block"])
    found = compare(pulseq(design, own), design, own, n_per_tissue=1, n_spins=64)
    assert found.largest < 2e-3
    assert found.played.score.signal["fat"] == pytest.approx(expected, abs=0.05)
    assert found.played.score.signal["water"] == pytest.approx(1, abs=0.02)
