"""The engine of the page, in TypeScript, against the engine for layouts."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from page_cases import page_cases

FRONTEND = Path(__file__).parents[1] / "frontend"
N_CASES = 500
READY = shutil.which("node") is not None and (FRONTEND / "node_modules").is_dir()

pytestmark = [
    pytest.mark.frontend,
    pytest.mark.skipif(not READY, reason="needs Node and `npm ci` in frontend/"),
]


def test_it_gives_what_the_engine_for_layouts_gives(tmp_path):
    cases = tmp_path / "cases.json"
    cases.write_text(json.dumps(page_cases(N_CASES)))
    command = ["npx", "vitest", "run", "tests/agreement.test.ts"]
    environment = os.environ | {"AGREEMENT": str(cases)}
    done = subprocess.run(command, cwd=FRONTEND, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
