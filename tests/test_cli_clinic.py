import os
import re
import shlex
import signal

from cli_call import call
from sequence_search.cli import progress


def test_one_task_is_searched_and_written(tmp_path):
    out = tmp_path / "clinic"
    done = call("clinic", "--only", "spgr-ernst", "--seeds", "1", "--max-seconds", "1", "--out", out)
    assert done.exit_code == 0, done.output
    assert f"wrote {out / 'clinic.md'}" in done.stdout
    text = (out / "clinic.md").read_text(encoding="utf-8")
    assert f"`sequence-search clinic --only spgr-ernst --seeds 1 --max-seconds 1 --out {out}`" in text


def test_a_task_that_is_not_there_is_refused(tmp_path):
    done = call("clinic", "--only", "flare", "--out", tmp_path / "clinic")
    assert done.exit_code == 2
    assert "did you mean 'flair'" in done.stderr
    assert not (tmp_path / "clinic").exists()


def test_ctrl_c_leaves_the_page_of_what_is_done(tmp_path, monkeypatch):
    """It comes after the first of two searches, and the same command goes on."""
    out = tmp_path / "clinic"
    names, given = ("spgr-ernst", "spgr-contrast"), ("--seeds", "1", "--max-seconds", "1", "--out", out)
    with monkeypatch.context() as during:
        during.setattr(progress._Lines, "finished", lambda *_: os.kill(os.getpid(), signal.SIGINT))
        stopped = call("clinic", "--only", names[0], "--only", names[1], *given)
    assert stopped.exit_code == 130, stopped.output
    text = (out / "clinic.md").read_text(encoding="utf-8")
    assert "**Not whole:** no design yet of spgr-contrast. The command above goes on with it." in text
    assert f"wrote {out / 'clinic.md'}" in stopped.stdout
    (command,) = re.findall("this goes on: sequence-search (.*)", stopped.stdout)
    done = call(*shlex.split(command))
    assert done.exit_code == 0, done.output
    text = (out / "clinic.md").read_text(encoding="utf-8")
    assert "Not whole" not in text
    assert all(f"## {name}" in text for name in names)


def test_ctrl_c_before_any_design_leaves_no_page(tmp_path, asked_to_stop):
    asked_to_stop(signal.SIGINT)
    stopped = call("clinic", "--only", "spgr-ernst", "--seeds", "1", "--out", tmp_path)
    assert stopped.exit_code == 130, stopped.output
    assert not (tmp_path / "clinic.md").exists()
