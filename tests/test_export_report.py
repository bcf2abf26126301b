import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from export_cases import KINDS, inversion_recovery, problem, spin_echo, train
from sequence_search.export import Protocol, pulseq
from sequence_search.export.report import Demand, demand, excesses
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.system import load_system

PRISMA = load_system("siemens-prisma")
DATA = Path(__file__).parent / "data"


def test_b1_is_that_of_the_kinds():
    needed = demand(pulseq(spin_echo(), problem(), protocol=Protocol(dummies=0)), PRISMA)
    flips = {"excite": math.pi / 2, "refocus": math.pi}
    energy = sum(KINDS[name].rms_b1_ut(flip) ** 2 * KINDS[name].duration for name, flip in flips.items())
    assert needed.rf_energy == pytest.approx(energy, rel=1e-6)
    assert needed.b1_rms_ut == pytest.approx(math.sqrt(energy / needed.duration), rel=1e-6)
    assert needed.peak_b1_ut == pytest.approx(KINDS["refocus"].peak_b1_ut(math.pi), rel=1e-6)
    assert needed.duration == pytest.approx(3.0)


def test_gradients_keep_to_the_limits():
    how = Protocol(readout="cartesian", matrix=(64, 4), dummies=0)
    needed = demand(pulseq(spin_echo(), problem(), protocol=how), PRISMA)
    assert 0 < needed.gradient_mt_m <= 80
    assert 0 < needed.slew_t_m_s <= 200 * (1 + 1e-5)


def test_stimulation_needs_a_model_and_falls_with_the_slew_rate():
    def stimulation(slew):
        system = replace(PRISMA, pns_model="example", max_slew_t_m_s=slew)
        return demand(pulseq(spin_echo(), problem(), system=system, protocol=Protocol(dummies=0)), system).pns

    assert demand(pulseq(spin_echo(), problem(), protocol=Protocol(dummies=0)), PRISMA).pns is None
    assert 0 < stimulation(40.0) < stimulation(200.0)
    with pytest.raises(ValueError, match=r"there is no file missing\.asc"):
        demand(pulseq(spin_echo(), problem()), replace(PRISMA, pns_model="missing.asc"))


def test_a_model_of_stimulation_without_gradients_says_none_and_one_of_another_kind_is_told(tmp_path):
    system = replace(PRISMA, pns_model="example")
    assert demand(pulseq(ECHO, Problem.load("max-signal"), system=system), system).pns == 0
    other = tmp_path / "other.asc"
    other.write_text("a text\n")
    with pytest.raises(ValueError, match=r"pns_model: \S+other\.asc is no file of a gradient system"):
        demand(pulseq(spin_echo(), problem()), replace(PRISMA, pns_model=str(other)))


def test_what_is_beyond_a_limit_is_told():
    within = Demand(1.0, 20.0, 1.0, 1.0, 80.0, 200.0, 1.0)
    assert excesses(within, PRISMA) == []
    beyond = Demand(1.0, 77.8, 1.0, 1.0, 81.0, 201.0, 1.2)
    assert [words.split(" of ")[0] for words in excesses(beyond, PRISMA)] == [
        "the peak B1 is 77.8 uT",
        "the largest gradient is 81 mT/m",
        "the largest slew rate is 201 T/m/s",
    ]


def told(sequence):
    """What pypulseq finds of a sequence, the numbers of each line by its name."""
    report = sequence.test_report()
    assert report.endswith("Event timing check passed successfully\n")
    lines = dict(line.split(": ", 1) for line in report.splitlines() if ": " in line)
    return {name: [float(each) for each in re.findall(r"-?\d[\d.]*", text)] for name, text in lines.items()}


ECHO = Sequence.from_degrees_ms([90, 180], [0, 90], [9, 9])
GOLDEN = Problem.load("max-signal"), ECHO, Protocol(readout="cartesian", matrix=(16, 4), tr=0.5)
DESIGNS = {
    "the golden file": (*GOLDEN, 18e-3, 0.5, [90, 180]),
    "spin echo": (problem(), spin_echo(), Protocol(dummies=1), 20e-3, 3.0, [90, 180]),
    "inversion recovery": (problem(), inversion_recovery(), Protocol(dummies=1), 20e-3, 3.0, [90, 180]),
    "train": (problem(echoes=4), train(), Protocol(dummies=1), 20e-3, 3.0, [90, 150]),
    "turbo": (
        problem(echoes=4),
        train(),
        Protocol(readout="cartesian", matrix=(16, 8), turbo=True, bandwidth=500.0, dummies=1),
        60e-3,  # the third of four echoes reads the centre of k-space
        3.0,
        [90, 150],
    ),
}


@pytest.mark.parametrize("name", DESIGNS)
def test_the_report_of_pypulseq_is_clean_and_finds_what_was_designed(name):
    own, design, how, te, tr, flips = DESIGNS[name]
    found = told(pulseq(design, own, protocol=how))
    assert found["TR"] == pytest.approx([tr], abs=1e-6)
    # Of samples that are all at the centre of k-space the first of any echo counts.
    centres = [te] if how.is_image else [float(time) - 15e-6 for time in design.readout_times]
    start = float(design.readout_times[0]) - te if not how.is_image else 0.0
    assert min(abs(found["TE"][0] + start - each) for each in centres) < 1e-6
    # It leaves out the last sample. An adiabatic pulse has an integral, and no flip angle of it.
    assert found["Flip angle"][:2] == pytest.approx(flips, rel=0.003)
    positions = found["Unique k-space positions (aka cols, rows, etc.)"]
    # Without an image one number for each axis with a gradient, such as that of crushers.
    assert positions == (list(how.matrix) if how.is_image else positions[:1] * len(positions))
    assert max(found["Max gradient"][3:]) <= PRISMA.max_gradient_mt_m
    assert max(found["Max slew rate"][3:]) <= PRISMA.max_slew_t_m_s * (1 + 1e-5)
