import math
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import fsolve

from explanation_cases import BRAIN, make_problem, play
from sequence_search.acquisition import Acquisition
from sequence_search.explanation.explanation import summarize
from sequence_search.explanation.wording import signed, time_text
from sequence_search.layout import Layout
from sequence_search.problem.conventional import Conventional
from sequence_search.sequence import Sequence
from sequence_search.tissue import Normal, Uniform

FAT_AND_WATER = {"fat": (0.26, 0.08), "water": (1.2, 0.05)}


def told(problem, sequence):
    found = summarize(problem, sequence)
    return found.structures, *found.sentences


def test_fat_is_nulled_by_one_inversion():
    problem = make_problem(FAT_AND_WATER, ("signal", 1.0, (1,)), ("null", 1.0, (0,)))
    ti = 1e3 * 0.26 * math.log(2)
    names, prepared, read = told(problem, play([180, 90, 180], [0, 0, 90], [ti + 10, 6.2, 6.2]))
    assert names == ("inversion", "spin echo")
    water = 1 - 2 * math.exp(-(ti + 10) / 1200)
    assert prepared == (
        "An inversion (180°) leaves Mz at fat −1.00 and water −1.00 M0, which is fat 0.04 and water"
        f" {signed(water)} at the excitation 190 ms later (fat crosses zero 10 ms before it)."
    )
    assert read.startswith(
        "Then 90° excites, 180° refocuses, and the readout is at the spin echo of TE 12.4 ms;"
    )


def test_many_pulses_before_the_readout_are_told_together():
    problem = make_problem({"water": (1.0, 0.1)}, gradients=("spoiler",))
    pulses = play([120, 60, 90, 180, 90], [0] * 5, [100, 100, 100, 60, 5])
    _, first, second, _ = told(problem, problem.played(pulses, gradients=["spoiler"] * 4 + ["none"]))
    left = math.exp(-0.1) - 1  # inverted, of what has recovered since 90°
    read = 1 + (left - 1) * math.exp(-0.06)
    assert first == (
        "Four pulses (120°-60°-90°-180° over 300 ms), a partial inversion, a partial saturation, a saturation"
        f" and an inversion, together leave Mz at water {signed(left)} M0, which is water {signed(read)} at"
        f" the excitation 60 ms later (rms over voxels water {-read:.3f})."
    )
    assert second.startswith("Then 90° excites, and the free decay is read 5 ms later; |Mxy| is water 0.0")


def test_a_tissue_crosses_zero_once_whatever_stands_between():
    """Behind 91° the mean over b1 crosses zero 4.0 ms later and the nominal voxel 4.5, 0° between the two."""
    problem = make_problem({"fat": (0.26, 0.08)}, b1=Uniform(0.5, 1.5), gradients=("spoiler",))
    pulses = problem.played(play([91, 0, 90], [0] * 3, [4.27, 3, 6.2]), gradients=["spoiler", "none", "none"])
    summary = summarize(problem, pulses)
    first, *_ = summary.sentences
    assert len(summary.crossings) == 2
    assert first.count("zero") == 1
    assert "(fat crosses zero 3 ms before it)" in first


def test_tissues_at_zero_are_told_together():
    problem = make_problem({"water": (1.2, 0.08), "GM": (1.2, 0.1), "CSF": (4, 2)})
    first, _ = summarize(problem, play([180, 90], [0, 0], [1200 * math.log(2), 6.2])).sentences
    assert "later (water and GM are at zero there)." in first


def test_a_double_inversion_nulls_two_tissues():
    # Mz = 1 - 2 exp(-t2/T1) + 2 exp(-t1/T1) with t1 and t2 from each inversion to the excitation
    def mz(times, t1):
        return 1 - 2 * np.exp(-times[1] / t1) + 2 * np.exp(-times[0] / t1)

    first, second = fsolve(lambda times: [mz(times, 4.0), mz(times, 0.8)], [3.0, 0.5])
    problem = make_problem(BRAIN, ("signal", 1.0, (0,)), ("null", 1.0, (1, 2)), b1=Uniform(0.999, 1.001))
    sequence = play([180, 180, 90, 180], [0, 0, 0, 90], [1e3 * (first - second), 1e3 * second, 6.2, 6.2])
    names, prepared, _ = told(problem, sequence)
    assert names == ("double inversion", "inversion", "inversion", "spin echo")
    assert prepared.startswith(
        f"A double inversion of TI {time_text(first)} and {time_text(second)}, an inversion (180°) and"
        f" {time_text(first - second)} later an inversion (180°), leaves Mz at "
    )
    gm = signed(mz((first, second), 1.3))
    assert f"which is GM {gm}, WM 0.00 and CSF 0.00 at the excitation {time_text(second)} later (" in prepared


@pytest.mark.parametrize(
    ("sequence", "part"),
    [
        (
            play([90, 180], [0, 90], [10, 10]),
            "No pulse prepares the magnetisation: 90° excites, 180° refocuses",
        ),
        (play([90, 180], [0, 90], [10, 18]), "and the readout is 8 ms after the spin echo of TE 20 ms"),
        (play([90], [0], [6.2]), "90° excites, and the free decay is read 6.2 ms later"),
        (
            play([90, 90, 90], [0, 0, 0], [10, 50, 10]),
            "90° stores for 50 ms, and the readout is at the stimulated",
        ),
        (play([6, 88, 170], [0, 180, 0], [6.2] * 3), "6° and 88° together excite, 170° refocuses"),
        (play([90, 90, 180], [0, 0, 90], [800, 6, 6]), "A saturation (90°) leaves Mz at GM 0.00"),
        (play([50, 90], [0, 0], [900, 6]), "A partial saturation (50°: +0.6"),
        (
            play([180, 90, 90], [0, 0, 0], [3000, 500, 6]),
            "An inversion (180°) and 3 s later a saturation (90°) leave Mz",
        ),
        (play([0], [0], [10]), "No pulse leaves signal at the readout."),
    ],
)
def test_what_prepares_and_excites(sequence, part):
    problem = make_problem(BRAIN, b0=Uniform(-50.0, 50.0))
    first, second = summarize(problem, sequence).sentences
    assert part in first
    assert first.endswith(".")
    assert second.endswith(".")


def test_a_train_is_told_with_what_it_keeps():
    problem = make_problem(BRAIN, b1=Uniform(0.8, 1.2))
    names, first, _ = told(problem, play([90, 180, 180], [0, 90, 90], [10, 20, 10]))
    assert names == ("CPMG train of two pulses", "spin echo")
    assert "90° and a CPMG train of two pulses (180°-180°) bring 9" in first
    assert re.search(
        r"% of Mz to the readout, relaxation aside, on average over b0 and b1 \(90°-180°: 95\.\d %\)", first
    )


def test_beside_the_conventional_sequence():
    problem = make_problem(BRAIN, ("signal", 1.0, (0, 1, 2)), b1=1.0)
    polished = summarize(problem, play([90], [0], [6.2])).compared[-1].sequence
    *_, echo = told(problem, polished)
    assert (
        "; the conventional sequence (90°-180°, 12.4 ms) gives GM 0.88, WM 0.86 and CSF 0.99, and a" in echo
    )
    assert echo.endswith("; polished for the same objective to 80°-167°, 12.4 ms, it becomes this design.")
    *_, late = told(problem, play([90, 180], [0, 90], [20, 20]))
    assert "; polished for the same objective to 80°-167°, 12.4 ms, it has a lower one of 0.0" in late
    contrast = make_problem(BRAIN, ("contrast", 30.0, (0, 1)), b1=1.0)
    *_, read = told(contrast, play([90, 180], [0, 90], [20, 20]))
    assert "GM-WM 0.082 in place of 0.064, and a loss of −0.2" in read


def test_a_design_that_is_the_conventional_sequence_is_told_as_such():
    problem = make_problem(BRAIN, ("signal", 1.0, (0, 1, 2)), b1=1.0)
    *_, read = told(problem, play([90, 180], [0, 180], [6.2, 6.2]))
    assert read.endswith("on average, as with the conventional sequence (90°-180°, 12.4 ms).")


def test_rf_energy_that_differs_is_told():
    problem = make_problem(BRAIN, ("signal", 1.0, (0, 1, 2)), b1=1.0)
    *_, read = told(problem, play([90, 90], [0, 90], [6.2, 6.2]))
    assert ", with 2.5 times the RF energy; polished" in read
    *_, read = told(problem, play([9, 18], [0, 90], [6.2, 6.2]))
    assert ", with 100 times the RF energy; polished" in read


def test_a_given_sequence_goes_by_its_name():
    problem = make_problem(BRAIN, ("signal", 1.0, (0, 1, 2)), b1=1.0)
    given = Conventional((1.2, 3.0), (0.0, 0.0), (0.01, 0.01), name="SE, TE 20 ms")
    *_, read = told(replace(problem, conventional=given), play([90, 180], [0, 90], [20, 20]))
    assert "; the conventional sequence (SE, TE 20 ms; 69°-172°, 20 ms) gives GM" in read


def test_pulses_that_act_with_the_excitation_come_before_it():
    problem = make_problem(BRAIN, b1=Uniform(0.8, 1.2))
    sequence = play([180, 15, 88, 170], [0, 90, 180, 0], [900, 6.2, 6.2, 6.2])
    first, second = summarize(problem, sequence).sentences
    assert "at the next pulse 900 ms later" in first
    assert second.startswith("Then 15° and 88° together excite, 170° refocuses")


def test_two_inversions_in_a_row_are_no_double_inversion():
    names, first, _ = told(make_problem(BRAIN), play([180, 180, 90], [0, 0, 0], [20, 2500, 6.2]))
    assert names == ("inversion", "inversion", "gradient echo")
    assert first.startswith("An inversion (180°) and 20 ms later an inversion (180°) leave Mz at GM 0.9")


def test_a_pulse_that_turns_nothing_is_told_as_such():
    problem = make_problem(BRAIN)
    names, first, _ = told(problem, play([180, 0, 90], [0, 0, 0], [800, 400, 6.2]))
    assert names == ("inversion", "gradient echo")
    gm = signed(1 - 2 * math.exp(-1.2 / 1.3))
    assert f"M0, which is GM {gm}, WM " in first
    assert "at the excitation 1.2 s later" in first
    assert first.endswith("; 0° hardly changes Mz.")
    names, first, _ = told(problem, play([2, 90, 180], [0, 0, 90], [17, 10, 10]))
    assert names == ("spin echo",)
    assert first.startswith("No pulse prepares the magnetisation (2° hardly changes Mz): 90° excites")


def test_pulses_that_excite_together_are_told_with_the_tissue_that_they_spare():
    water = replace(make_problem({"water": (1.2, 0.05)}, spread=0.0).tissues[0], t2_prime=Normal(10.0))
    fat = replace(water, name="fat", b0=Normal(-220.0))
    problem = replace(make_problem({"water": (1.2, 0.05)}, spread=0.0), tissues=(water, fat))
    names, first, _ = told(problem, play([22.5, 45, 22.5], [0, 0, 0], [1e3 / 440, 1e3 / 440, 1.0]))
    assert names == ("composite excitation",)
    assert first == (
        "No pulse prepares the magnetisation: 22.5°-45°-22.5° excite together; between them the phase against"
        " the pulses grows by water 0° and 0° and fat 180° and 180°, so that the flips add up for water and"
        " cancel for fat (water 1.00 and fat 0.00 of Mz, relaxation aside), and the readout is 1 ms after the"
        " last pulse."
    )


def test_a_composite_excitation_is_told_beside_one_pulse():
    problem = make_problem({"GM": (1.3, 0.1)}, b1=0.8, spread=0.0)
    names, first, _ = told(problem, play([20] * 4, [0] * 4, [1e-3] * 4))
    assert names == ("composite excitation",)
    both, one = (math.sin(math.radians(0.8 * flip)) for flip in (80, 90))
    assert f"bring {both:.3f} ± 0.000 of Mz to the readout over b0 and b1, relaxation aside" in first
    assert f"(one 90° pulse: {one:.3f} ± 0.000)" in first


def test_composite_partial_inversions_are_told_beside_one_pulse():
    problem = make_problem(BRAIN, b1=Uniform(0.8, 1.2))
    _, first, _ = told(problem, play([90, 180, 90], [0, 120, 0], [0.1, 900, 6]))
    assert first.startswith(
        "A composite saturation (90°-180° over 0.1 ms: 0.00 ± 0.01 of Mz over b0 and b1, one pulse of the"
        " same mean ± 0.18) leaves Mz"
    )


def train(n_echoes, flip_deg, **problem):
    """A crushed CPMG train, each echo of which is read, repeated every 2 s."""
    acquisition = Acquisition(tr=2.0, echoes=n_echoes)
    free = make_problem(BRAIN, ("signal", 1.0, (0,)), min_rf_delay=2e-3, max_rf=2, **problem)
    made = replace(free, acquisition=acquisition)
    pulses = [90, *[flip_deg] * n_echoes], [0, *[90] * n_echoes]
    layout = Layout.train(n_echoes, crusher=1, steady=True)
    return made, Sequence.from_degrees_ms(*pulses, [5, 2000 - 10 * n_echoes], layout=layout)


def test_a_train_behind_what_was_stored_is_told_by_its_readouts():
    """Fat in step with the pulses: its 90° stored by 72° for 7 ms and excited again, a stimulated echo."""
    made = make_problem({"fat": (0.38, 0.068)}, b0=Uniform(-100, 100), gradients=("none", "crusher"))
    made = replace(made, acquisition=Acquisition(tr=5.0, echoes=4))
    pulses = play([91, 72, 90, 130], [0, -6, 177, -93], [6.21, 7.34, 5, 5])
    _, first, *_ = told(made, made.played(pulses, gradients=["none", "none", "crusher", "crusher"]))
    assert re.search(r"bring \d+ to \d+ % of Mz to the four echoes that are read, relaxation aside", first)
    assert "72° stores for 7.34 ms" in first
    assert "of 90° and 180°" not in first


def test_a_train_whose_echoes_are_all_read_is_told_by_them():
    """The first echo is sin²(flip/2), by whatever pathways later ones come."""
    problem, sequence = train(16, 100, spread=0.0)
    found = summarize(problem, sequence)
    first, second = found.sentences[:2]
    assert found.structures == ("CPMG train of 16 pulses", "spin echo")
    assert len(found.readout.echo_signal) == 16
    assert found.readout.echo_signal[0] == pytest.approx(math.sin(math.radians(50)) ** 2, abs=1e-6)
    assert found.readout.echo_signal_of_180 == pytest.approx([1.0] * 16, abs=1e-6)
    assert "(16 × 100°, with stimulated echoes) bring" in first
    assert "of Mz to the 16 echoes that are read" in first
    assert "(of 90° and 180°: 100 %), the last at 160 ms" in first
    assert "on average over the echoes" in second


def test_mz_before_the_excitation_is_that_of_the_steady_state():
    """Of 90° and 180° it recovers from the pulse in the middle: 1 - 2 exp(-(TR - TE/2)/T1) + exp(-TR/T1)."""
    problem, sequence = train(1, 180, spread=0.0)
    first, *_ = summarize(problem, sequence).sentences
    gm = 1 - 2 * math.exp(-1.995 / 1.3) + math.exp(-2 / 1.3)
    assert f"which is GM {gm:.2f}, WM " in first
    assert "M0 in the steady state of TR 2 s: 90° excites" in first


def test_a_readout_aside_from_its_echo_is_told_as_such():
    first, _ = summarize(make_problem(BRAIN), play([90, 180], [0, 90], [7, 5])).sentences
    assert first.endswith("the readout is 2 ms before the spin echo of TE 14 ms.")
