"""Shapes and types of public functions are checked while the tests run.

The checks refuse a wrong argument before the package does, so that its own refusals are in `refusals.py`.
"""

import os
import pkgutil
from pathlib import Path

from jaxtyping import install_import_hook

# On a busy machine torch's threads wait for each other for most of the time; tests of threads set their own.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Without it what is printed is as wide as it needs to be; processes that share the tests out set it.
os.environ.pop("COLUMNS", None)

# All but the kernel, whose functions numba compiles.
PACKAGE = Path(__file__).parents[1] / "src" / "sequence_search"
CHECKED = [f"sequence_search.{module.name}" for module in pkgutil.iter_modules([str(PACKAGE)])]
CHECKED.remove("sequence_search.engines")
CHECKED.remove("sequence_search.tissue")  # its types take plain numbers of any kind and check them
CHECKED.remove("sequence_search.acquisition")  # so do these, and the shapes of pulses
CHECKED.remove("sequence_search.pulses")
CHECKED += [f"sequence_search.pulses.{name}" for name in ("rotation", "expansion", "table", "slices")]
CHECKED += [
    f"sequence_search.engines.{module.name}"
    for module in pkgutil.iter_modules([str(PACKAGE / "engines")])
    if module.name != "kernel"
]
install_import_hook(CHECKED, "beartype.beartype").__enter__()

import hypothesis  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

from sequence_search.search_space import SearchSpace  # noqa: E402
from sequence_search.strategies.proxyless.scheduler import initial_scheduler  # noqa: E402
from sequence_search.tissue import Imaging, Normal, Tissue, Uniform  # noqa: E402  # noqa: E402
from sequence_search.voxels import Voxels  # noqa: E402

pytest_plugins = ["cli_call"]  # fixtures of the command line

# Shared machines are slow at times: a slow example is no failure.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture
def gm() -> Tissue:
    return Tissue("GM", Normal(0.8, 0.02), Normal(1.331, 0.057), Normal(0.11, 0.009), Normal(0.17, 0.027))


@pytest.fixture
def wm() -> Tissue:
    return Tissue("WM", Normal(0.7, 0.02), Normal(0.832, 0.044), Normal(0.08, 0.003), Normal(0.161, 0.017))


@pytest.fixture
def imaging() -> Imaging:
    return Imaging(b1=Uniform(0.8, 1.2), b0=Uniform(-50.0, 50.0), spread=Normal(30.0))


def make_voxels(n_voxels: int = 1, **properties: float) -> Voxels:
    """Voxels without relaxation or inhomogeneity, but for the properties given."""
    defaults = {
        "m0": 1.0,
        "t1": torch.inf,
        "t2": torch.inf,
        "t2_prime": torch.inf,
        "b1": 1.0,
        "b0": 0.0,
        "spread": 0.0,
        "weight": 1.0,
    }
    values = {
        name: torch.full((n_voxels,), float(value), dtype=torch.float64)
        for name, value in {**defaults, **properties}.items()
    }
    return Voxels(**values, tissue=torch.zeros(n_voxels, dtype=torch.int64))


def random_brain_voxels(n_voxels: int, seed: int = 0, **properties: float) -> Voxels:
    """Voxels with every property random, in the range of the brain."""
    generator = torch.Generator().manual_seed(seed)
    ranges = {
        "m0": (0.5, 1.0),
        "t1": (0.5, 4.0),
        "t2": (0.05, 0.5),
        "t2_prime": (0.05, 0.5),
        "b1": (0.7, 1.3),
        "b0": (-50.0, 50.0),
        "spread": (0.0, 30.0),
        "weight": (0.5, 1.0),
    }
    values = {}
    for name, (low, high) in ranges.items():
        draw = torch.rand(n_voxels, generator=generator, dtype=torch.float64)
        values[name] = low + (high - low) * draw
        if name in properties:
            values[name] = torch.full_like(draw, properties[name])
    return Voxels(**values, tissue=torch.randint(3, (n_voxels,), generator=generator))


def scheduler_of(space=SearchSpace(), seeds=(0, 1), sd=0.001):  # noqa: B008
    """Initial scheduler of proxyless."""
    return initial_scheduler(space, [torch.Generator().manual_seed(seed) for seed in seeds], sd)
