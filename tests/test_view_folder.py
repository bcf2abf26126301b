"""Nothing outside the folder of a study is read."""

import os

import pytest

from cli_call import QUICK
from sequence_search.problem.problem import Problem
from sequence_search.storage import StudyError
from sequence_search.study.study import Study
from sequence_search.view.folder import files_named, open_inside


@pytest.fixture
def folder(tmp_path):
    return Study.create(tmp_path / "study", Problem.load("max-signal"), seeds=range(2), **QUICK).folder


def test_a_study_is_opened(folder):
    assert open_inside(folder).plan.all_seeds == (0, 1)


def test_a_folder_without_a_study_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(StudyError, match="holds no study"):
            open_inside(path)


@pytest.mark.parametrize(
    "where", ["study.json", "max-signal", "max-signal/seed-0000", "max-signal/result.json"]
)
def test_a_link_that_leads_out_is_refused(folder, tmp_path, where):
    outside = tmp_path / "outside"
    place = folder / where
    place.parent.mkdir(exist_ok=True)
    if place.exists():
        place.rename(outside)
    else:
        outside.mkdir()
    place.symlink_to(outside)
    with pytest.raises(StudyError, match="leads out of the study"):
        open_inside(folder)


def test_a_link_within_the_study_and_one_to_the_study_are_followed(folder, tmp_path):
    (folder / "same.toml").symlink_to(folder / "study.toml")
    (tmp_path / "link").symlink_to(folder)
    assert open_inside(tmp_path / "link").plan.all_seeds == (0, 1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has none")
def test_a_pipe_that_would_keep_a_reader_waiting_is_refused(folder):
    os.mkfifo(folder / "status.json")
    with pytest.raises(StudyError, match="neither a file nor a folder"):
        open_inside(folder)


def test_a_problem_whose_name_is_a_path_is_refused(folder):
    plan = folder / "study.toml"
    plan.write_text(plan.read_text().replace("[problems.max-signal", '[problems."../../etc"'))
    with pytest.raises(StudyError, match=r"'../../etc' is no name"):
        open_inside(folder)


def test_a_pulse_whose_samples_are_in_a_file_is_refused(folder):
    plan = folder / "study.toml"
    pulse = '\n[problems.max-signal.pulses.own]\nshape = "samples"\nduration_ms = 1\nfile = "/etc/passwd"\n'
    plan.write_text(plan.read_text() + pulse)
    with pytest.raises(StudyError, match=r"samples of pulses\.own"):
        open_inside(folder)


@pytest.mark.parametrize("tables", [None, 3, {}, {"pulses": 3}, {"pulses": {"own": 3}}])
def test_tables_of_any_form_name_no_file(tables):
    assert files_named(tables) == []
