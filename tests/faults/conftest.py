"""A small study that was never interrupted, and the files by which interrupted ones must equal it."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "small_study.py"


def command(folder, workers=1, checkpoint_every_s=0.2):
    return [sys.executable, str(SCRIPT), str(folder), str(workers), str(checkpoint_every_s)]


def final(folder):
    """Contents of the files that must be the same, byte for byte."""
    names = [*folder.glob("*/*/result.json"), *folder.glob("derived/*"), folder / "study.toml"]
    return {str(name.relative_to(folder)): name.read_bytes() for name in names}


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted") / "study"
    subprocess.run(command(folder), check=True, capture_output=True)
    return final(folder)
