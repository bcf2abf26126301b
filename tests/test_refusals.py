import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import refusals


@pytest.fixture(scope="module")
def outcomes() -> dict[str, tuple[str, str]]:
    """What each call raises, from one process for all."""
    command = [sys.executable, str(Path(refusals.__file__))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", refusals.CASES)
def test_wrong_arguments_are_refused_in_the_packages_own_words(name, outcomes):
    case = refusals.CASES[name]
    error, message = outcomes[name]
    assert error == case.error.__name__, message
    assert re.search(case.message, message)
