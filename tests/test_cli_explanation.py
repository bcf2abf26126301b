import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli_call import assert_fits, call, one_line, quick_run
from sequence_search.cli.explanation import numbers, print_parts, print_pulses, turn_words
from sequence_search.explanation import explanation
from sequence_search.explanation.layouts import LeftOut
from sequence_search.explanation.phases import FreeTurn
from sequence_search.explanation.pulses import PulseWorth
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence

# A T2-prepared inversion and a spin echo, as in the docs.
PREPARED = ["--flip-deg", "87.1", "176.9", "86.9", "87.8", "175.9"]
PREPARED += ["--phase-deg", "0", "179.8", "179.5", "146.5", "-34"]
PREPARED += ["--delay-ms", "129.17", "129.17", "2604.9", "6.2", "6.2"]
PAGE = (Path(__file__).parents[1] / "docs" / "explanations.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def measured():
    """What `explain` measures of it, once."""
    columns = [[float(number) for number in PREPARED[i : i + 5]] for i in (1, 7, 13)]
    return explanation.explain(Problem.load("csf-null-w1"), Sequence.from_degrees_ms(*columns))


@pytest.fixture
def explained(measured, monkeypatch):
    """Call `explain` of that sequence, which is not measured again."""

    def known(problem, sequence, *, engine):
        assert (problem.name, engine) == ("csf-null-w1", "auto")
        assert sequence.turn_first_to_zero() == measured.sequence
        return measured

    monkeypatch.setattr(explanation, "explain", known)
    return lambda *options: call("explain", "csf-null-w1", *PREPARED, *options)


def test_a_page_has_every_part(explained):
    done = explained()
    assert done.exit_code == 0, done.exception
    text = one_line(done.stdout)
    assert "csf-null-w1: T2-prepared inversion, spin echo; loss 0.034" in text
    assert (
        "A T2-prepared inversion (87°-177°-87° over 258 ms) leaves Mz at GM −0.11, WM −0.06 and CSF −0.85"
        in text
    )
    assert "1, 2 and 3 T2-prepared inversion -0.96" in text
    assert "-0.85 → 0.04" in text
    assert re.search(r"CSF 3 8\d\.\d before 14\d\.\d before", text)
    assert re.search(r"5 175\.9° 0\.26\d* 0\.0676", text)
    assert "+0.475 recovered after pulse 3, excited by 4, refocused by 5" in text
    assert "or less if pulses 4 and 5 turn alike" in text
    assert "or less if pulse 2 turns and pulse 3 turns twice as far" in text
    assert "phase of 1, 2, 3, 4 and 5: rounded to a multiple of 90°" in text
    assert "Refocusing by 5, 180° from the excitation: an echo 12.4 ms after it, of 0.97" in text
    assert "RF energy (%)" in text


def test_the_page_of_the_docs_is_what_is_printed(explained, monkeypatch):
    (command,) = re.findall(r"^sequence-search explain (csf-null-w1.*?)\n```", PAGE, re.MULTILINE | re.DOTALL)
    assert command.replace("\\\n", " ").split()[1:] == PREPARED
    (shown,) = re.findall(r"```\n(87.*?)```", PAGE, re.DOTALL)
    monkeypatch.setenv("COLUMNS", "100")
    # The last digits may differ between machines.
    assert _words(explained().stdout) == _words(shown)


def _words(text):
    return [re.sub(r"[-+−\d.]+", "0", line.rstrip()) for line in text.splitlines()]


def test_a_page_fits(explained, width):
    assert_fits(explained().stdout, width)


def test_a_single_pulse_has_a_page_too(width):
    done = call("explain", "max-signal", "--flip-deg", "88", "--phase-deg", "0", "--delay-ms", "6.2")
    assert done.exit_code == 0, done.exception
    assert "What each pulse buys at most" not in done.stdout
    assert "Blocks" not in done.stdout
    assert_fits(done.stdout, width)


def test_a_page_tells_what_its_numbers_leave_open():
    columns = "--flip-deg 180 0 70 --phase-deg 0 0 0 --delay-ms 2e3 2e3 6.2"
    done = call("explain", "csf-null-w1", *columns.split())
    text = one_line(done.stdout)
    assert re.search(
        r"\(the design polished as well: 0\.\d+; what a pulse buys is counted from there\)", text
    )
    assert "of 3 phases 0 independent combinations matter" in text
    assert "0° hardly changes Mz" in text
    assert "excited by 3 (net dephasing of 6.2 ms)" in text


def test_what_is_left_without_a_pulse_is_told_where_it_is_odd(capsys):
    rest, none = (Sequence.from_degrees_ms(column, column, column) for column in ([90], []))
    worths = PulseWorth(0, 0.0, 0.2, 0.3, 0.1, 0.2, rest), PulseWorth(1, 1.0, 0.9, 0.5, 0.1, 0.4, none)
    print_pulses(SimpleNamespace(loss=0.1, pulses=worths))
    text = one_line(capsys.readouterr().out)
    assert "just left out, 1: beyond the search space or the limits" in text
    assert text.endswith("the rest without 2: no pulse at all")
    assert "the design polished as well" not in text


def test_parts_of_a_loss_are_of_the_polished_design_and_none_of_a_loss_of_0(capsys):
    rest = Sequence.from_degrees_ms([90], [0], [7])
    part = LeftOut("pulse", (0,), loss=0.3, rise=0.1, polished=0.25, buys=0.15, rest=rest)
    worth = PulseWorth(0, 1.0, 0.3, 0.25, 0.1, 0.15, rest)
    print_parts(SimpleNamespace(loss=0.2, parts=(part,)))
    print_pulses(SimpleNamespace(loss=0.2, pulses=(worth,)))
    assert one_line(capsys.readouterr().out).count("+0.150000 150.0") == 1 + 1
    part = LeftOut("pulse", (0,), loss=0.0, rise=0.0, polished=-1e-9, buys=-1e-9, rest=rest)
    print_parts(SimpleNamespace(loss=0.0, parts=(replace(part, polished=0.0, buys=0.0),)))
    print_parts(SimpleNamespace(loss=0.0, parts=(part,)))
    text = capsys.readouterr().out
    assert "nan" not in text
    assert "-0.0" not in text


def test_json(explained):
    record = json.loads(explained("--format", "json").stdout)
    assert record["structures"] == ["T2-prepared inversion", "spin echo"]
    assert " ".join(record["sentences"]) in one_line(explained().stdout)


def test_a_design_of_a_study_is_explained_and_designs_says_so_in_short(study):
    done = call("explain", study, "--problem", "strange")
    assert done.exit_code == 0, done.exception
    listed = one_line(call("designs", study, "--problem", "strange").stdout)
    sentences = listed[listed.index("The first: ") + len("The first: ") :]
    assert sentences in one_line(done.stdout)
    assert "The first" not in call("designs", study, "--all", "--problem", "strange").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--flip-deg", "88"], "--phase-deg and --delay-ms missing"),
        (
            ["--flip-deg", *["9"] * 9, "--phase-deg", *["0"] * 9, "--delay-ms", *["7"] * 9],
            "must have 1 to 8 pulses, got 9",
        ),
        ([*PREPARED, "--engine", "epg"], "engine must be one of auto, "),
    ],
)
def test_bad_input_ends_with_code_2(arguments, message):
    done = call("explain", "csf-null-w1", *arguments)
    assert done.exit_code == 2
    assert message in one_line(done.stderr)
    assert done.stdout == ""


def test_no_signal_has_a_page_too():
    done = call("explain", "max-signal", "--flip-deg", "0", "--phase-deg", "0", "--delay-ms", "6.2")
    assert "WM nothing" in one_line(done.stdout)


def test_words_of_a_turn_and_of_pulses():
    assert turn_words(FreeTurn((0, 1, 2, 0, 0), 0.0)) == "pulse 2 turns and pulse 3 turns twice as far"
    assert (
        turn_words(FreeTurn((0, 1, -1, 1), 0.0))
        == "pulses 2 and 4 turn alike and pulse 3 turns the other way"
    )
    assert numbers((0, 2, 3), "or") == "1, 3 or 4"


def test_run_explains_its_best_in_short():
    printed = one_line(quick_run("max-signal").stdout)
    assert re.search(
        r"The first: No pulse prepares the magnetisation: .* for the same objective .*\. not saved", printed
    )


def test_results_as_json_have_the_explanation_of_their_best(study):
    record = json.loads(quick_run("max-signal", "--format", "json").stdout)
    best = Sequence.from_dict(record["runs"][0]["sequence"])
    expected = explanation.summarize(Problem.load("max-signal"), best)
    assert record["explanation"]["sentences"] == list(expected.sentences)
    documents = json.loads(call("designs", study, "--format", "json").stdout)
    assert all(each["explanation"]["structures"] for each in documents)


def test_a_sequence_with_a_layout_is_explained_by_what_is_left_out(width):
    numbers = ["--flip-deg", "90", "180", "--phase-deg", "0", "90", "--delay-ms", "9", "9"]
    how = ["--pulses", "excite,excite", "--gradients", "crusher,crusher"]
    done = call("explain", "spin-echo-2d", *numbers, *how)
    assert done.exit_code == 0, done.stderr
    assert re.search(r"\npulse 2 +-?\d\.\d{6} +-?\d\.\d{6} +[+-]\d\.\d{6} ", done.stdout)
    assert "the crushers after pulses 1 and 2" in one_line(done.stdout)
    assert "the rest without the crushers after pulses 1 and 2:" in one_line(done.stdout)
    assert "Refocusing by 2, 90° from the excitation: an echo 18.0 ms after it" in one_line(done.stdout)
    assert "Beside the conventional sequence" in done.stdout
    assert_fits(done.stdout, width)
    record = json.loads(call("explain", "spin-echo-2d", *numbers, *how, "--format", "json").stdout)
    assert [each["pulses"] for each in record["parts"]] == [[0], [1], [0, 1]]
    assert {"blocks", "readout", "compared", "tissues", "phases"} < set(record)
    assert "pulses" not in record
    assert len(record["sentences"]) == 3
    assert record["sentences"][2].startswith("Left out, the crushers after pulses 1 and 2 change the loss by")
