import os
import re
import subprocess
import sys

import pytest

from cli_call import call
from sequence_search.cli import app, repeat_flags
from sequence_search.strategies import STRATEGIES
from sequence_search.strategies.proxyless.strategy import Proxyless

# init, validate, list, ...: as a user works.
ORDER = [
    "init",
    "validate",
    "list",
    "show",
    "run",
    "designs",
    "evaluate",
    "preview",
    "explain",
    "sensitivity",
    "tradeoff",
    "export",
    "check",
    "import",
    "resume",
    "status",
    "table",
    "report",
    "view",
    "grid",
    "reproduce",
    "clinic",
    "slurm",
]


def test_help_needs_no_heavy_library_and_prints_in_any_encoding():
    code = (
        "import sys; sys.argv = ['sequence-search', '--help']\n"
        "from sequence_search.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numba', 'matplotlib', 'numpy', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert "evaluate" in done.stdout
    assert done.stdout.isascii()


def test_help_lists_commands_in_the_order_of_work(width):
    text = call("--help").stdout
    listed = [name for name in re.findall(r"^[│|] ([a-z]+) ", text, re.MULTILINE) if name in ORDER]
    assert listed == ORDER
    for group in ("Problems", "Search", "Pulseq files", "Studies", "The paper", "The textbooks", "Clusters"):
        assert f" {group} " in text
    assert "--install-completion" in text
    assert all(len(line) <= width for line in text.splitlines())


def test_every_command_has_a_place_in_the_help():
    assert sorted(each.name or each.callback.__name__ for each in app.registered_commands) == sorted(ORDER)


def test_help_of_run_names_every_strategy_and_schedule():
    text = call("run", "--help").stdout
    assert all(name in text for name in (*STRATEGIES, *Proxyless.presets))


def test_version():
    assert call("--version").stdout.startswith("sequence-search 0.")


@pytest.mark.parametrize(
    "given",
    [
        ["--flip-deg", "88", "-177.5"],
        ["--flip-deg=88", "-177.5"],
        ["--flip-deg", "88,-177.5"],
        ["--flip-deg=88,-177.5"],
        ["--flip-deg", "88,", "-177.5"],
        ["--flip-deg", "88, -177.5"],
        ["--flip-deg", "88", "--flip-deg", "-177.5"],
    ],
)
def test_numbers_of_a_flag_are_separated_by_spaces_or_commas(given):
    assert repeat_flags(["evaluate", *given, "max-signal"]) == [
        "evaluate",
        "--flip-deg=88",
        "--flip-deg=-177.5",
        "max-signal",
    ]


def test_what_is_no_number_is_left_to_the_parser():
    size = ["check", "--voxel-mm", "1", "1", "5", "a.seq"]
    assert repeat_flags(size) == ["check", "--voxel-mm=1,1,5", "a.seq"]
    assert repeat_flags(["--voxel-mm", "1,1,5", "a.seq"]) == ["--voxel-mm", "1,1,5", "a.seq"]
    assert repeat_flags(["--flip-deg=x", "--delay-ms", "5", "x", "3"]) == [
        "--flip-deg=x",
        "--delay-ms=5",
        "x",
        "3",
    ]
