import math
from dataclasses import replace
from pathlib import Path

import pytest

from export_cases import KINDS, problem, spin_echo
from sequence_search.export import Protocol, pulseq
from sequence_search.export.report import demand
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
