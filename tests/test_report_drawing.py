import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from sequence_search.engines.simulation import evolve
from sequence_search.layout import Layout
from sequence_search.problem.problem import Problem
from sequence_search.report.drawing import magnetisation, save_figure, write_figure
from sequence_search.report.figures import robustness_figure, sequence_figure
from sequence_search.report.time_axis import TimeAxis
from sequence_search.sequence import Sequence

PROBLEM = Problem.load("max-signal")
ECHO = Sequence.from_degrees_ms([88, 177], [0, 180], [6.2, 6.2])
INVERSION = Sequence.from_degrees_ms([176, 89], [0, 0], [3750, 6.2])


def test_magnetisation_is_that_of_evolve():
    times, magnitude, along = magnetisation(PROBLEM, ECHO, TimeAxis(ECHO))
    assert times[0] == 0
    assert times[-1] == pytest.approx(12.4)
    assert (np.diff(times) >= 0).all()
    # Just after 88° of phase 0, before any decay.
    assert magnitude[0] == pytest.approx([m0 * np.sin(np.deg2rad(88)) for m0 in (0.8, 0.7, 1.0)])
    assert along[0] == pytest.approx([m0 * np.cos(np.deg2rad(88)) for m0 in (0.8, 0.7, 1.0)])
    voxels = PROBLEM.voxels(method="nominal")
    mxy, mz = evolve(ECHO, voxels, 1e-3 * voxels.m0.new_tensor(times[[7, 250]]))
    assert magnitude[[7, 250]] == pytest.approx((voxels.m0 * mxy).abs().numpy())
    assert along[[7, 250]] == pytest.approx((voxels.m0 * mz).numpy())


def test_an_echo_at_the_end_of_a_long_delay_is_not_missed():
    # Refocused at 2 s, CSF has its echo at 4 s, just before the last pulse; the peak is some 20 ms wide.
    design = Sequence.from_degrees_ms([90, 180, 90], [0, 0, 0], [2000, 2000, 6.2])
    times, magnitude, _ = magnetisation(PROBLEM, design, TimeAxis(design))
    echo = magnitude[(times > 3980) & (times < 4000), 2]
    assert len(echo) >= 20
    assert echo.max() == pytest.approx(np.exp(-4 / 2), rel=0.01)


def test_both_files_are_written_beside_a_dot_in_the_name(tmp_path):
    figure = robustness_figure(ECHO, PROBLEM)
    paths = save_figure(figure, tmp_path / "csf-null-w0.25")
    assert [path.name for path in paths] == ["csf-null-w0.25.svg", "csf-null-w0.25.png"]
    assert paths[0].read_text().startswith("<?xml")
    assert paths[1].read_bytes().startswith(b"\x89PNG")


def test_a_name_that_the_font_lacks_is_drawn_without_a_word(tmp_path):
    tissue = replace(PROBLEM.tissues[0], name="\u8111")
    problem = replace(PROBLEM, tissues=(tissue, *PROBLEM.tissues[1:]))
    write_figure(sequence_figure(ECHO, problem), tmp_path / "brain.png", 20)
    assert (tmp_path / "brain.png").stat().st_size > 1000


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf", ".PNG"])
def test_the_same_figure_gives_the_same_bytes(tmp_path, suffix):
    contents = []
    for name in ("first", "second"):
        path = tmp_path / f"{name}{suffix}"
        write_figure(robustness_figure(ECHO, PROBLEM), path, dpi=100)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    assert b"dc:date" not in contents[0]


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must end in .svg, .png or .pdf, got '.*figure.jpg'"):
        write_figure(robustness_figure(ECHO, PROBLEM), tmp_path / "figure.jpg", dpi=100)


def test_another_process_gives_the_same_bytes(tmp_path):
    code = """
import sys
from pathlib import Path
from sequence_search import Problem, Sequence, robustness_figure
from sequence_search.report.drawing import save_figure
echo = Sequence.from_degrees_ms([88, 177], [0, 180], [6.2, 6.2])
save_figure(robustness_figure(echo, Problem.load("max-signal")), Path(sys.argv[1]))
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "other")], check=True)
    for path in save_figure(robustness_figure(ECHO, PROBLEM), tmp_path / "here"):
        assert path.read_bytes() == (tmp_path / f"other{path.suffix}").read_bytes()


def test_curves_of_a_layout_are_those_of_its_steady_state_with_its_crushers():
    layout = Layout.plain(2, gradients=(1, 1), steady=True)
    echo = Sequence.from_degrees_ms([90, 180], [0, 90], [8, 8, 984], layout=layout)
    times, magnitude, along = magnetisation(PROBLEM, echo, TimeAxis(echo))
    tissues = PROBLEM.voxels(method="nominal")
    # In the crusher of one cycle only what the 180° refocuses at 16 ms is left; at 8 ms it is dephased.
    at = [np.flatnonzero(times < 8)[-1], np.flatnonzero(times >= 16)[0]]
    mz = tissues.m0 * (1 - 2 * (-0.992 / tissues.t1).exp() + (-1 / tissues.t1).exp())
    assert magnitude[at[0]] == pytest.approx(0, abs=1e-6)
    assert magnitude[at[1]] == pytest.approx((mz * (-0.016 / tissues.t2).exp()).numpy(), rel=1e-6)
    assert along[-1] == pytest.approx(mz.numpy(), rel=1e-6)


def test_readouts_are_marked():
    train = Sequence.from_degrees_ms([90, 180, 180], [90, 0, 0], [5], layout=Layout.train(2))
    transverse = sequence_figure(train, PROBLEM).axes[1]
    dotted = [line.get_xdata()[0] for line in transverse.lines if line.get_linestyle() == ":"]
    assert dotted == pytest.approx([0.5, 1])


def test_a_notebook_shows_a_figure_without_being_told_to():
    drawn = robustness_figure(ECHO, PROBLEM)._repr_png_()
    assert drawn.startswith(b"\x89PNG")
