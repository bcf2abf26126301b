import math
import warnings
from pathlib import Path

import numpy as np
import pypulseq
import pytest

from pulseq_cases import Builder, hyperbolic_secant, spin_echo
from sequence_search.playback.events import PulseqError
from sequence_search.playback.reader import LONGEST_STEP, read_seq


def written(made, folder, **more):
    return read_seq(made.write(folder / "made.seq", **more))


@pytest.mark.parametrize("version", ["1.5.0", "1.4.1"])
def test_reads_pulses_gradients_and_readouts_at_their_times(tmp_path, version):
    file = written(spin_echo(), tmp_path, v141_compat=version == "1.4.1")
    assert file.version == version
    excitation, refocusing = file.pulses
    assert file.centre(excitation) == pytest.approx(1e-3)
    assert file.centre(refocusing) == pytest.approx(11e-3)
    assert (excitation.use, refocusing.use) == ("excitation", "refocusing")
    assert [math.degrees(file.waveform(each).flip_angle) for each in file.pulses] == pytest.approx([90, 180])
    assert refocusing.phase == pytest.approx(math.pi / 2, abs=1e-5)
    assert file.adcs[0].samples.mean() == pytest.approx(21e-3)
    assert file.moment(11e-3) == pytest.approx([0, 0, 800])
    assert file.moment(21e-3) == pytest.approx([0, 0, 1600])
    assert any("does not say what its pulses are for" in note for note in file.notes) == (version == "1.4.1")


def test_takes_a_sequence_of_pypulseq_too(tmp_path):
    made = spin_echo()
    assert read_seq(made.sequence).pulses[1].start == pytest.approx(written(made, tmp_path).pulses[1].start)


def test_samples_of_a_pulse_are_means_over_its_steps(tmp_path):
    made = Builder()
    signal = np.repeat(hyperbolic_secant(), 10)  # on the raster of 1 us
    rf = pypulseq.make_arbitrary_rf(
        signal, math.pi, no_signal_scaling=True, system=made.system, delay=1e-4, use="inversion"
    )
    made.at(0, rf)
    made.hard(0.02, 90)
    file = written(made, tmp_path)
    waveform = file.waveform(file.pulses[0])
    assert len(waveform.step) == 800
    assert waveform.step.max() <= LONGEST_STEP * (1 + 1e-9)
    assert waveform.b1 == pytest.approx(hyperbolic_secant(), abs=1e-3 * 800)
    assert waveform.duration == pytest.approx(8e-3)


def test_pulses_of_one_waveform_share_it_whatever_their_phase(tmp_path):
    made = Builder()
    for number in range(3):
        made.hard(1e-3 + 5e-3 * number, 90, 30 * number)
    made.hard(20e-3, 80)
    file = written(made, tmp_path)
    assert [pulse.waveform for pulse in file.pulses] == [0, 0, 0, 1]
    assert [pulse.phase for pulse in file.pulses[:3]] == pytest.approx(np.radians([0, 30, 60]), abs=1e-5)


def test_a_slice_gradient_stands_in_its_pulse(tmp_path):
    made = Builder()
    rf, gradient, _ = pypulseq.make_sinc_pulse(
        math.pi / 2,
        duration=2.56e-3,
        slice_thickness=5e-3,
        time_bw_product=4,
        system=made.system,
        return_gz=True,
        use="excitation",
        freq_offset=300.0,
        delay=1e-4,
    )
    made.at(0, rf, gradient)
    waveform = written(made, tmp_path).waveforms[0]
    assert waveform.gradient[:, 2] == pytest.approx(np.full(256, 4 / 2.56e-3 / 5e-3), rel=1e-5)
    assert not waveform.gradient[:, :2].any()
    assert waveform.offset == pytest.approx(300)


@pytest.mark.parametrize("version", ["1.5.0", "1.4.1"])
def test_arbitrary_and_extended_gradients_have_their_area(tmp_path, version):
    made = Builder()
    shape = 1e5 * np.sin(math.pi * (np.arange(100) + 0.5) / 100)
    times, amplitudes = np.array([0, 2e-4, 5e-4, 9e-4]), np.array([0, 1e5, -5e4, 0])
    made.at(0, pypulseq.make_arbitrary_grad("x", shape, first=0, last=0, system=made.system))
    made.at(
        2e-3,
        pypulseq.make_extended_trapezoid("y", amplitudes=amplitudes, times=times, system=made.system),
    )
    made.hard(5e-3, 90)
    moment = written(made, tmp_path, v141_compat=version == "1.4.1").moment(5e-3)
    assert moment == pytest.approx([1e5 * 2e-3 / math.pi, np.trapezoid(amplitudes, times), 0], rel=1e-3)


def test_offsets_in_ppm_need_a_field(tmp_path):
    made = Builder()
    made.hard(1e-3, 90, freq_ppm=-3.45, phase_ppm=0.1)
    path = made.write(tmp_path / "made.seq")
    with pytest.raises(PulseqError, match=r"block 2 of .*made.seq has an offset in ppm: state the field"):
        read_seq(path)
    file = read_seq(path, field=3.0)
    assert file.waveforms[0].offset == pytest.approx(-3.45 * 42.577478518 * 3)
    assert file.pulses[0].phase == pytest.approx(0.1 * 42.577478518 * 3)


def test_labels_are_those_when_a_readout_is_played(tmp_path):
    made = Builder()
    made.hard(1e-3, 90)
    for number in range(2):
        made.read(3e-3 + number * 2e-3, labels=[pypulseq.make_label("LIN", "INC", 1)])
    made.read(8e-3, labels=[pypulseq.make_label("LIN", "SET", 7)], phase_deg=45, frequency=100)
    file = written(made, tmp_path)
    assert [adc.labels["LIN"] for adc in file.adcs] == [1, 2, 7]
    assert (file.adcs[2].phase, file.adcs[2].frequency) == pytest.approx((math.pi / 4, 100), abs=1e-5)


def changed(tmp_path, change):
    """A spin echo whose text was changed."""
    path = spin_echo().write(tmp_path / "made.seq")
    Path(path).write_text(change(Path(path).read_text()))
    return path


def test_tells_that_a_file_was_changed_after_it_was_written(tmp_path):
    assert not written(spin_echo(), tmp_path).notes
    path = changed(tmp_path, lambda text: text.replace("1250", "1251"))
    assert read_seq(path).notes == ("its signature is of another text: it was changed after it was written",)


@pytest.mark.parametrize("version", ["1.5.0", "1.4.1"])
def test_a_file_cut_off_anywhere_is_refused_or_whole(tmp_path, version):
    path = spin_echo().write(tmp_path / "made.seq", v141_compat=version == "1.4.1")
    text = Path(path).read_text()
    body = text.index("[SIGNATURE]")
    whole = read_seq(path)
    n_read = 0
    for length in range(0, body - 60, 61):
        Path(path).write_text(text[:length])
        try:
            file = read_seq(path)
        except PulseqError:
            continue
        n_read += 1  # what was cut is a comment, or the end of a number that stands last
        assert len(file.pulses) == len(whole.pulses)
        assert file.duration == whole.duration
    assert n_read < 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda text: "", "is no Pulseq file: it has no section"),
        (lambda text: text.replace("minor 5", "minor 2"), "must be of the format 1.4 or 1.5, got 1.2.0"),
        (lambda text: text.replace("[BLOCKS]", "[BLOX]"), "section \\[BLOX\\], which is not understood"),
        (lambda text: text + "\nextension ROTATIONS 2\n1 1 0 0 0\n", "has rotations of its gradients"),
        (lambda text: text + "\nextension RF_SHIMS 2\n1 2 1 0 1 0\n", "has shims of several transmit"),
        (lambda text: text + "\nextension NEWS 2\n1 1\n", "has an extension NEWS"),
        (lambda text: text.replace("[RF]", "[ADC]"), "is damaged or cut off"),
        (
            lambda text: text.replace("num_samples 2", "num_samples 7"),
            "shape 1 must have 7 samples, and has not",
        ),
    ],
)
def test_what_is_no_file_of_this_kind_is_refused(tmp_path, make, message):
    with pytest.raises(PulseqError, match=message):
        read_seq(changed(tmp_path, make))


def test_what_is_not_text_or_not_there_is_refused(tmp_path):
    path = tmp_path / "made.seq"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(PulseqError, match=r"is no Pulseq file: it is not text"):
        read_seq(path)
    with pytest.raises(PulseqError, match=r"none\.seq cannot be read: No such file"):
        read_seq(tmp_path / "none.seq")


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (lambda: pypulseq.make_soft_delay("TE"), "soft delay"),
        (lambda: pypulseq.make_trigger("physio1", duration=1e-3), "waits for a trigger, physio1"),
    ],
)
def test_events_that_are_not_understood_are_refused(tmp_path, event, message):
    made = spin_echo()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        events = (event(),) if "trigger" in message else (pypulseq.make_delay(1e-3), event())
        made.sequence.add_block(*events)
    with pytest.raises(PulseqError, match=message):
        read_seq(made.write(tmp_path / "made.seq"))
    with pytest.raises(PulseqError, match=message):
        read_seq(made.sequence)


def test_an_output_trigger_has_no_effect_and_is_told(tmp_path):
    made = spin_echo()
    made.at(0.03, pypulseq.make_digital_output_pulse("osc0", duration=1e-3))
    assert written(made, tmp_path).notes == ("its output triggers have no effect",)
