from cli_call import call
from sequence_search.problem.problem import Problem
from sequence_search.study.study import Study


def test_operations_are_drawn(tmp_path):
    options = {"steps": 2, "n_voxels": 200, "voxels_per_step": 60}
    Study.create(
        tmp_path / "a", [Problem.load("max-signal")], strategy="proxyless", seeds=(0,), **options
    ).run()
    file = tmp_path / "operations.svg"
    done = call("designs", tmp_path / "a", "--operations", file)
    assert done.exit_code == 0
    assert f"wrote {file}" in done.stdout.replace("\n", "")
    assert "layer 5" in file.read_text()
    again = call("designs", tmp_path / "a", "--operations", file)
    assert again.exit_code == 2
    assert "--operations" in again.stderr
