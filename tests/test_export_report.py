import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pypulseq as pp
import pytest

from export_cases import KINDS, problem, spin_echo
from sequence_search.export import Protocol, pulseq
from sequence_search.export.report import demand, write_seq
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.storage import StorageError
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


@pytest.mark.parametrize("file_format", ["1.5", "1.4.1"])
def test_a_file_is_what_it_was(tmp_path, file_format):
    # Written by pypulseq 1.5.0.post1; a later one that writes others is to be looked at.
    echo = Sequence.from_degrees_ms([90, 180], [0, 90], [9, 9])
    how = Protocol(readout="cartesian", matrix=(16, 4), tr=0.5)
    write_seq(pulseq(echo, Problem.load("max-signal"), protocol=how), tmp_path / "echo.seq", file_format)
    golden = DATA / f"spin-echo-{file_format}.seq"
    assert (tmp_path / "echo.seq").read_text() == golden.read_text()


@pytest.mark.parametrize("file_format", ["1.5", "1.4.1"])
def test_pypulseq_reads_what_was_written(tmp_path, file_format):
    written = pulseq(spin_echo(), problem(), protocol=Protocol(dummies=0))
    write_seq(written, tmp_path / "echo.seq", file_format)
    read = pp.Sequence()
    read.read(str(tmp_path / "echo.seq"))
    assert len(read.block_events) == len(written.block_events)
    first, again = written.get_block(1).rf.signal, read.get_block(1).rf.signal
    assert np.abs(first - again).max() < 1e-4 * np.abs(first).max()


def test_nothing_is_left_where_it_cannot_be_written(tmp_path):
    (tmp_path / "folder.seq").mkdir()
    (tmp_path / "folder.seq" / "file").touch()
    with pytest.raises(StorageError, match="cannot be written"):
        write_seq(pulseq(spin_echo(), problem()), tmp_path / "folder.seq")
    assert [each.name for each in tmp_path.iterdir()] == ["folder.seq"]
