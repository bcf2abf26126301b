"""The machine a benchmark ran on, and whether it was quiet."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("sequence-search", "torch", "numpy", "numba", "llvmlite", "MRzeroCore", "blochsim")


class Quiet:
    """Processor time that others take from now on; it slows torch's threads more than the kernel's."""

    def __init__(self) -> None:
        self.start, self.busy, self.own = time.monotonic(), _busy(), time.process_time()

    def others(self) -> float | None:
        """Processors that others kept busy on average; None where the system does not tell."""
        busy = _busy()
        if busy is None or self.busy is None:
            return None
        taken = busy - self.busy - (time.process_time() - self.own)
        return max(0.0, taken / (time.monotonic() - self.start))


def _busy() -> float | None:
    """Time that all processors together have worked, or were withheld by a host [s]; Linux only."""
    with contextlib.suppress(OSError):
        user, nice, system, _, _, irq, softirq, steal = Path("/proc/stat").read_text().split()[1:9]
        return sum(map(int, (user, nice, system, irq, softirq, steal))) / os.sysconf("SC_CLK_TCK")
    return None


def describe() -> dict[str, Any]:
    """Processor, cores, versions and commit."""
    lines = []
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    changed = bool(_git("status", "-s", "../../src"))
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "date": time.strftime("%Y-%m-%d"),
        "commit": _git("rev-parse", "--short", "HEAD") + " with changes" * changed,
        "versions": versions,
    }


def _git(*arguments: str) -> str:
    """Answer of git about this repository; empty where there is none."""
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()
