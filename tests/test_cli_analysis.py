import json

import pytest

from cli_call import ECHO, STRANGE, assert_fits, call, one_line


def test_sensitivity(width):
    table = call("sensitivity", "max-signal", *ECHO).stdout
    assert_fits(table, width)
    assert "88°(0°) –6.2 ms– 177°(180°) –6.2 ms– readout" in one_line(table)
    record = json.loads(call("sensitivity", "max-signal", *ECHO, "--format", "json").stdout)
    assert set(record) == {"problem", "sequence", "loss", "signal", "effects", "worst"}
    (effect,) = [each for each in record["effects"] if each["pulse"] == 2 and each["error"] == "0.1 ms"]
    lower, higher = (100 * part / record["loss"] for part in effect["loss"])
    (row,) = [line.split() for line in table.splitlines() if line.startswith("2  delay 0.1 ms")]
    assert [float(part) for part in row[4:6]] == pytest.approx([lower, higher], abs=0.006)
    m0 = {"GM": 0.8, "WM": 0.7, "CSF": 1.0}
    signals = [100 * part / m0[name] for name, pair in effect["signal"].items() for part in pair]
    assert [float(part) for part in row[6:]] == pytest.approx(signals, abs=0.006)
    assert record["worst"][0]["traits"][0]["text"] in one_line(table)


def test_sensitivity_of_a_studys_design_with_strange_names(study, width):
    done = call("sensitivity", study, "--problem", "strange")
    assert done.exit_code == 0
    assert "WM [left]" in done.stdout
    assert_fits(done.stdout, width)


def test_signals_of_many_tissues_stand_in_several_tables(tmp_path, width):
    tissue = '[tissues."WM [left]"]'
    more = "".join(
        f"\n{tissue.replace('left', each)}\nm0 = 1\nt1_ms = 800\nt2_ms = 80\nt2_prime_ms = 90\n"
        for each in "abc"
    )
    file = tmp_path / "mine.toml"
    file.write_text(STRANGE.replace("[imaging]", f"{more}\n[imaging]"), encoding="utf-8")
    done = call("sensitivity", file, *ECHO)
    assert_fits(done.stdout, width)
    assert done.stdout.count("2  delay 0.1 ms") == 2
    assert "WM [c]" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sensitivity", "max-signal"], "--flip-deg, --phase-deg and --delay-ms missing"),
        (["sensitivity", "max-signal", *ECHO, "--engine", "epg"], "engine must be one of auto, "),
    ],
)
def test_bad_input_ends_with_code_2(arguments, message):
    done = call(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stdout == ""
