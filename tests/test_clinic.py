"""The textbook tasks as a study, and their page."""

import shutil
from dataclasses import replace

import pytest

from sequence_search.clinic import clinic_cases, overview, write_clinic
from sequence_search.engines.simulation import simulate
from sequence_search.explanation.conventional import conventional_sequence
from sequence_search.problem.library import clinic_problems
from sequence_search.problem.problem import Problem
from sequence_search.strategies.drafting import draft_of, near_draft
from sequence_search.study.study import Study

NAMES = ("spgr-ernst", "fat-1-1")
QUICK = {"n_starts": 8, "n_children": 8, "max_rounds": 3, "n_polished": 2, "n_per_tissue": 4, "steps": 6}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = Study.create(tmp_path_factory.mktemp("clinic"), map(Problem.load, NAMES), seeds=(0, 1), **QUICK)
    made.run()
    return made


def test_the_page_has_each_task_with_its_picture_textbook_and_sentences(study):
    page = write_clinic(study, "the command")
    text = page.read_text(encoding="utf-8")
    assert "Made by `the command`" in text
    for name in NAMES:
        assert f"\n## {name}\n" in text
        picture = f"derived/{name}-clinic.png"
        assert f"({picture})" in text
        assert (page.parent / picture).read_bytes().startswith(b"\x89PNG")
    assert "- textbook: Ernst's angle, 10.5° (cos(flip) = exp(-TR/T1), T1 884 ms): `10.5°(0°)" in text
    assert "| |Mxy| of water | " in text.replace("\\|", "|")
    assert "| loss: " in text
    assert "2 runs: " in text


def test_a_search_finds_ernsts_angle(study):
    case, _ = clinic_cases(study)
    found, known = case.result.best.sequence, case.textbook.sequence
    assert float(found.flip_angle.rad2deg()) == pytest.approx(float(known.flip_angle.rad2deg()), abs=0.1)
    assert case.ours.loss <= case.textbook.loss + 1e-9
    assert case.finding == "found"


@pytest.mark.parametrize(
    ("loss", "energy", "fat", "finding"),
    [
        (0.010, 1.0, 0.05, "found"),
        (0.010, 0.7, 0.05, "**as good, cheaper**"),
        (0.0095, 1.0, 0.05, "a little better"),
        (0.0089, 1.0, 0.05, "**better**"),
        (0.0089, 1.0, 0.06, "lower loss, less dark"),
        (0.0101, 1.0, 0.05, "not reached"),
    ],
)
def test_ours_is_beside_the_better_of_the_textbooks_and_the_same_tuned(study, loss, energy, fat, finding):
    case = clinic_cases(study)[1]
    assert "fat" in case._nulled

    def row(of, loss, energy, fat):
        mean = of.mean | {"fat": fat}
        return replace(of, loss=loss, relative_rf_energy=energy, time_to_readout=0.01, mean=mean)

    known, case = row(case.textbook, 0.01, 1.0, 0.05), replace(case, apart=0.01)
    for others in ((known,), (row(case.textbook, 0.02, 1.0, 0.05), known)):
        summary = replace(case.summary, compared=(row(case.ours, loss, energy, fat), *others))
        told = replace(case, summary=summary).finding
        assert told == ("found, retuned" if len(others) == 2 and finding == "found" else finding)


@pytest.mark.parametrize(
    ("apart", "own", "same"), [(2e-3, 0.0, False), (1e-3, 0.0, True), (1e-3, 0.8, False)]
)
def test_signals_that_differ_by_less_than_is_neglected_are_the_same(study, apart, own, same):
    """Unless the gain is of the sequence's own terms, here its RF energy."""
    case = clinic_cases(study)[1]
    (energy,) = (term.name for term in case.problem.objective.terms if term.kind.of == "sequence")
    other = next(name for name in case.ours.terms if name != energy)
    lower = case.ours.terms | {energy: -own, other: own - 1.0}
    summary = replace(
        case.summary,
        compared=(
            replace(case.ours, loss=0.0, terms=lower),
            replace(case.textbook, loss=1.0, terms=dict.fromkeys(lower, 0.0)),
        ),
    )
    told = replace(case, summary=summary, apart=apart).finding
    assert (told == "lower loss, same signals") is same


def test_how_far_signals_are_apart_is_told_of_the_tissue_that_differs_most(study):
    case = clinic_cases(study)[1]
    voxels = case.problem.voxels()
    ours, theirs = (simulate(each.sequence, voxels).abs() for each in (case.ours, case.better))
    of_tissues = [((ours - theirs)[voxels.tissue == i] ** 2).mean().sqrt() for i in (0, 1)]
    assert case.apart == pytest.approx(float(max(of_tissues)), rel=1e-9)


def test_the_overview_has_a_row_for_each_task(study):
    head, _, *rows = overview(clinic_cases(study)).splitlines()
    assert head.startswith("| task | textbook |")
    assert [row.split("|")[1].strip() for row in rows] == [f"[{name}](#{name})" for name in NAMES]
    assert "| 0.0 %" in rows[0]
    assert [len(row.split("|")) for row in rows] == [len(head.split("|"))] * len(NAMES)


def test_what_has_no_design_yet_is_no_page(study, tmp_path):
    empty = Study.create(tmp_path / "empty", map(Problem.load, NAMES))
    with pytest.raises(ValueError, match="has no design yet"):
        write_clinic(empty, "the command")
    copy = tmp_path / "copy"
    shutil.copytree(study.folder, copy)
    assert len(clinic_cases(Study.open(copy))) == 2


def test_the_page_of_a_study_that_is_not_whole_says_so(study, tmp_path):
    assert "Not whole" not in write_clinic(study, "the command").read_text(encoding="utf-8")
    copy = tmp_path / "copy"
    shutil.copytree(study.folder, copy)
    shutil.rmtree(copy / "fat-1-1")
    shutil.rmtree(copy / "spgr-ernst" / "seed-0001")
    text = write_clinic(Study.open(copy), "the command").read_text(encoding="utf-8")
    assert "**Not whole:** no design yet of fat-1-1; not all runs of spgr-ernst (1 of 2). The" in text
    assert "## fat-1-1" not in text


@pytest.mark.parametrize("name", clinic_problems())
def test_the_textbooks_sequence_is_within_what_a_search_may_propose(name):
    problem = Problem.load(name)
    textbook, tail = conventional_sequence(problem), problem.limits.tail
    if replace(problem.limits, tail=None):
        assert problem.evaluate(textbook).meets_limits
    if tail is None:
        assert draft_of(problem, textbook) is not None
        return
    free, proposed = slice(-len(tail)), near_draft(problem, textbook)
    for column in ("flip_angle", "delay"):
        assert getattr(problem.conventional, column)[-len(tail) :] == getattr(tail, column)
        mine = getattr(textbook, column)[: len(proposed.delay)][free].tolist()
        assert getattr(proposed, column)[free].tolist() == pytest.approx(mine, rel=1e-9)
