"""The kernel with every index checked, and the cache of compiled code.

As a program this file is what runs in checked mode, which is chosen when the kernel is imported.
"""

import os
import subprocess
import sys

import numba
import numba.core.caching
import numpy as np
import pytest

from kernel_cases import (
    LAYOUTS,
    arranged,
    everything,
    everything_of_layout,
    layout_sequences,
    make_encoding,
    make_sequences,
    make_voxels,
    rotations_of,
)
from sequence_search.engines.kernel import compilation, grid, memory, table_memory, table_run
from sequence_search.engines.kernel.lanes import WIDTH
from sequence_search.layout import Layout


def results():
    """Signals, adjoints, losses and their gradients for 1 to 6 pulses, and a grid's losses."""
    rng = np.random.default_rng(1)
    found = {}
    for n_rf in range(1, 7):
        for same_spread in (True, False):
            group = rng.integers(0, 3, 37)
            blocks = arranged(make_voxels(rng, 37, same_spread), group)
            contrasts = [(0, 1, 3.0, "plain"), (1, 2, 0.5, "signed"), (2, 0, 0.8, "complex")]
            encoding = make_encoding(rng, group, contrasts)
            sequences = make_sequences(rng, 3, n_rf, echoes=n_rf % 2 == 0)
            parts = everything(sequences, np.array([n_rf, n_rf - 1, n_rf]), blocks, encoding)
            for name, part in zip(("signal", "products", "adjoint", "loss", "gradient"), parts, strict=True):
                found[f"{name} {n_rf} {same_spread}"] = part
    encoding = make_encoding(rng, group, contrasts[:2])
    for name, layout in LAYOUTS.items():
        parts = everything_of_layout(layout_sequences(rng, layout), layout, blocks, encoding)
        found |= {f"{name} {i}": part for i, part in enumerate(parts)}
    layout, voxels = Layout.plain(3, kinds=("hs", "sinc", "hard")), make_voxels(rng, 37)
    blocks = arranged(voxels, group)
    arguments = layout_sequences(rng, layout), layout, blocks, encoding, 1
    parts = everything_of_layout(*arguments, rotations_of(layout, voxels, blocks))
    found |= {f"kinds {i}": part for i, part in enumerate(parts)}
    parts = everything_of_layout(*of_places(rng, layout, voxels, group))
    found |= {f"places {i}": part for i, part in enumerate(parts)}
    axes = np.linspace(1, 2, 3), np.linspace(0.01, 0.02, 2)
    properties = list(make_voxels(rng, 37).values())
    tables = grid.make_tables((axes[0], axes[0]), axes[0], (axes[1], axes[1]), properties)
    found["grid"] = grid.losses(tables, encoding, 0, 108)
    return found


def refused():
    """Parts of either workspace that are found to be too small when they are one row smaller."""
    rng = np.random.default_rng(2)
    group = np.array([0, 0, 1, 1, 1])
    voxels = make_voxels(rng, 5)
    blocks, sequences = arranged(voxels, group), make_sequences(rng, 1, 5)
    encoding = make_encoding(rng, group)
    names = too_small(memory, memory.starts, lambda: everything(sequences, np.array([5]), blocks, encoding))
    layout = Layout.plain(3, kinds=("hs", "sinc", "hard"), steady=True)
    arguments = of_places(rng, layout, voxels, group)
    return names, too_small(table_memory, table_run.plan, lambda: everything_of_layout(*arguments))


def of_places(rng, layout, voxels, group):
    """Arguments for sequences of a layout over eight places in each of the voxels."""
    voxels, group = {name: part.repeat(WIDTH) for name, part in voxels.items()}, group.repeat(WIDTH)
    blocks, encoding = arranged(voxels, group), make_encoding(rng, group, [(0, 1, 1.0, "plain")])
    rotations = rotations_of(layout, voxels, blocks, np.resize(np.linspace(-1, 1, WIDTH), group.size))
    return layout_sequences(rng, layout), layout, blocks, encoding, 1, rotations


def too_small(module, cached, call):
    """Parts that are found to be too small, after what is cached of them is cleared."""
    call()  # as it is nothing is too small
    sizes, names = module.sizes, []
    for name in module.Work._fields:
        module.sizes = lambda n, name=name: sizes(n)._replace(**{name: getattr(sizes(n), name) - 8})
        cached.cache_clear()
        try:
            call()
        except IndexError:
            names.append(name)
    return names


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """What this file gives in checked mode."""
    path = tmp_path_factory.mktemp("checked") / "results.npz"
    environment = os.environ | {"SEQUENCE_SEARCH_CHECK_KERNEL": "1"}
    done = subprocess.run(
        [sys.executable, __file__, str(path)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return np.load(path)


def test_no_index_is_outside_its_part_and_results_are_those_without_checks(checked):
    for name, expected in results().items():
        scale = max(1.0, abs(expected).max())
        np.testing.assert_allclose(checked[name], expected, rtol=0, atol=4e-15 * scale, err_msg=name)


def test_a_part_too_small_by_a_row_is_found(checked):
    assert checked["refused"].tolist() == list(memory.Work._fields)
    assert checked["refused_of_layout"].tolist() == list(table_memory.Work._fields)


def test_parts_lie_one_after_the_other():
    for n_rf in range(1, 11):
        sizes, start = memory.sizes(n_rf), memory.starts(n_rf)
        assert min(sizes) > 0
        assert np.diff(start).tolist() == list(sizes)


def double(x):
    return 2 * x


def test_compiled_code_is_kept_for_one_state_of_the_source(monkeypatch):
    def loads(source):
        monkeypatch.setattr(compilation, "SOURCE", source)
        compiled = compilation.cached(double)
        assert compiled(21) == 42
        return sum(compiled.stats.cache_hits.values())

    state = f"{os.getpid()} {os.urandom(8)!r}"
    assert [loads(state), loads(state), loads(state + " changed")] == [0, 1, 0]


def test_it_works_where_no_cache_can_be_written(monkeypatch):
    monkeypatch.setattr(numba.core.caching.CacheImpl, "_locator_classes", [])
    with pytest.raises(RuntimeError, match="cannot cache"):
        numba.njit(cache=True)(double)
    assert compilation.cached(double)(21) == 42


if __name__ == "__main__":
    found = results()
    found["refused"], found["refused_of_layout"] = refused()
    np.savez(sys.argv[1], **found)
