from cli_call import call


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
