import io
import json
import re
import sys

import pytest

from cli_call import ECHO, assert_fits
from sequence_search import cli
from sequence_search.cli.printing import flow, print_in_any_encoding, print_json, print_table, pulses_of, say

TEXT = "88°(0°) –6.2 ms– 177°(180°) –6.2 ms– readout, 2 ± 1 rad², −1"


@pytest.fixture
def stdout_of(monkeypatch):
    """A function: stdout and stderr take this encoding; returns what is written, decoded."""

    def change(encoding):
        buffer = io.BytesIO()
        stream = io.TextIOWrapper(buffer, encoding=encoding, write_through=True)
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        return lambda: buffer.getvalue().decode(encoding)

    return change


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii", "88 deg(0 deg) -6.2 ms- 177 deg(180 deg) -6.2 ms- readout, 2 +- 1 rad^2, -1\n"),
        ("latin-1", "88°(0°) -6.2 ms- 177°(180°) -6.2 ms- readout, 2 ± 1 rad², -1\n"),
        ("cp1252", "88°(0°) –6.2 ms– 177°(180°) –6.2 ms– readout, 2 ± 1 rad², -1\n"),
        ("utf-8", f"{TEXT}\n"),
    ],
)
def test_characters_that_an_encoding_lacks_are_written_in_others(stdout_of, encoding, expected):
    written = stdout_of(encoding)
    print_in_any_encoding()
    say(TEXT)
    assert written() == expected


def test_letters_lose_their_accents_and_the_rest_is_a_question_mark(stdout_of):
    written = stdout_of("ascii")
    print_in_any_encoding()
    say("Grüße 脑 \udc80")
    assert written() == "Gru?e ? ?\n"


def test_json_is_the_same_in_any_encoding(stdout_of):
    content = {"tissue": "脑 88°", "t2_prime_ms": float("inf")}
    for encoding in ("ascii", "utf-8"):
        written = stdout_of(encoding)
        print_json(content)
        assert json.loads(written()) == content | {"t2_prime_ms": "inf"}


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "cp1252"])
def test_every_command_prints_in_every_encoding(stdout_of, monkeypatch, study, encoding):
    again = ["run", "max-signal", "--out", study]  # refused, in words
    named = ["evaluate", study, "--problem", "strange"]
    of_study = [[name, study] for name in ("status", "designs", "table", "resume")]
    echo = ["evaluate", "max-signal", *ECHO]
    every = [*of_study, named, again, echo, ["show", "gm-wm"], ["list"]]
    for arguments in every if encoding == "ascii" else [["designs", study], again]:
        written = stdout_of(encoding)
        monkeypatch.setattr(sys, "argv", ["sequence-search", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == (2 if arguments is again else 0), written()
        assert written()


def test_a_table_is_as_wide_as_the_terminal_at_most_and_cuts_no_number(width, capsys):
    columns = ["problem", "relative energy", "time to readout", "first", "second"]
    rows = [["a name of several words " * 4, "123.456789", "1234.56789", "0.12345678", "1.2345678"]]
    assert print_table(columns, rows, flexible=0)
    text = capsys.readouterr().out
    assert_fits(text, width)
    assert all(number in text for number in rows[0][1:])
    assert not print_table(columns, [["word" * 20, *rows[0][1:]]] * 2, flexible=0) or width == 120
    assert not print_table(columns * 4, [rows[0] * 4])


def test_user_text_in_a_table_is_text(capsys):
    print_table(["[b]", "x"], [["WM [left] [/b]", ":brain:"]])
    assert re.search(r"\[b\] +x +\nWM \[left\] \[/b\]  :brain:", capsys.readouterr().out)


def test_a_sequence_breaks_between_pulses_alone(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    text = flow(pulses_of("88°(0°) –6.2 ms– 177°(180°) –6.2 ms– readout"), 4, "1")
    assert text == "1   88°(0°) –6.2 ms– 177°(180°) –6.2 ms–\n    readout"
