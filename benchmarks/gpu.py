"""What a CUDA device gives: the pathway sum in torch there, beside the kernel on all cores of its machine.

python benchmarks/gpu.py    # a table; docs/benchmarks.md shows one
"""

from __future__ import annotations

import torch
from engines import race
from peers import Contestant, machine, ours, silenced

PULSES, VOXELS, BATCHES = (2, 5), (1_000, 10_000, 100_000), (1, 32, 256)
MOST = {2: 3_200_000, 5: 1_200_000}  # voxels times sequences; torch follows 10^8 pathways at once
ROUNDS = 5


def main() -> None:
    """Print the table."""
    if not torch.cuda.is_available():
        raise SystemExit("no CUDA device")
    about = machine.describe()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}; {about['cores']} cores of")
    print(f"{about['processor']}; commit {about['commit']}\n")
    print("| pulses | voxels | sequences | fused, CPU | pathways, GPU | ratio | signals differ by [M0] |")
    print("| ---: " * 7 + "|")
    for n_rf in PULSES:
        entered = [
            Contestant(name, prepare, batch=batch, most=MOST[n_rf])
            for batch in BATCHES
            for name, prepare in (("fused", ours.fused), ("pathways", ours.pathways_on_gpu))
        ]
        for n_voxels in VOXELS:
            with silenced():
                found = race(entered, n_rf, n_voxels, ROUNDS)
            for cpu, gpu in zip(found[::2], found[1::2], strict=True):
                if "skipped" in cpu or "skipped" in gpu:
                    continue
                times = [f"{each['signal_ms']:.3g} / {each['gradient_ms']:.3g}" for each in (cpu, gpu)]
                ratio = f"{cpu['gradient_ms'] / gpu['gradient_ms']:.2g}×"
                difference = f"{gpu['signal_difference']:.0e}"
                cells = [n_rf, f"{n_voxels:,}", cpu["batch"], *times, ratio, difference]
                print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
