import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import sequence_search


def test_every_public_name_is_there():
    for name in sequence_search.__all__:
        assert getattr(sequence_search, name).__name__ == name


def test_search_and_simulate_stay_functions_when_their_modules_are_imported():
    for name in ("search", "simulate"):
        importlib.import_module(f"sequence_search.{name}")
        assert callable(getattr(sequence_search, name))


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'sarch'"):
        sequence_search.sarch  # noqa: B018


def test_the_readme_example_runs():
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    code = readme.split("```python\n")[1].split("```")[0].replace("range(4)", "range(1)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
