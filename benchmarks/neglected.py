"""What the engines leave out, and how much it changes the signal: the tables of docs/physics.md.

Many spins in a voxel, with and without each effect; about five minutes on one core.

python benchmarks/neglected.py
"""

from __future__ import annotations

import cmath
import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from sequence_search import Sequence, Voxels
from sequence_search.engines.spins import play_spins
from sequence_search.layout import SPOILER, Layout
from sequence_search.pulses.shapes import HyperbolicSecant, Samples, Sinc

WHITE_MATTER = Voxels(t1=0.832, t2=0.08, t2_prime=0.161, b1=0.9, b0=30.0, spread=30.0)
# As wide as the profile of the pulses.
FINE: dict[str, Any] = {"n_places": 192, "extent": 3.0, "n_spins": 2**12}

EVEN = Voxels(t1=0.832, t2=0.08, b1=0.9, b0=30.0)


KINDS = {
    "sinc": Sinc(duration=2.56e-3, time_bandwidth=4, slice=True),
    "hs": HyperbolicSecant(duration=8e-3, peak_b1=1000, bandwidth=2108),
}


ECHO = Layout.plain(2, gradients=(1, 1), kinds=("sinc", "sinc"))


def main() -> None:
    """Print both tables, in units of M0."""
    effects, columns = list(EFFECTS), [pulses_and_crushers(sequence) for sequence in shaped()]
    print("| | spin echo | inversion and spin echo |\n|---|---|---|")
    for effect, changes in zip(effects, zip(*columns, strict=True), strict=True):
        print(f"| {effect} | {' | '.join(f'{change:.1e}' for change in changes)} |")
    print("\n| | signal | each spin keeps its Mz | the same, last 3 repetitions | one spoiler for all |")
    print("|---|---|---|---|---|")
    for name, sequence in repeated().items():
        print(f"| {name} | {' | '.join(f'{change:.1e}' for change in spoiling(sequence))} |")


EFFECTS = (
    "the signal",
    "another sample of spins",
    "own frequency of each spin during a pulse",
    "T1 and T2 during a pulse",
    "the same, if an inversion had no efficiency",
    "crushers of 2 cycles, along the slice",
    "crushers of 4 cycles, along the slice",
    "crushers of 8 cycles, along the slice",
    "8 places over two slice thicknesses",
    "16 places over two slice thicknesses",
)


def pulses_and_crushers(sequence: Sequence) -> list[float]:
    """Signal of a slice-selective sequence, and how much each of `EFFECTS` changes it."""

    def signal(voxels: Voxels = WHITE_MATTER, **options: Any) -> complex:
        given = FINE | {"kinds": KINDS} | options
        return complex(play_spins(sequence, voxels, **given).signal[-1, 0])

    ideal, own = signal(), signal(during_pulse="frequency")
    # Spins of one frequency are exact, so that nothing hides the error of the places.
    even = signal(EVEN, n_spins=2**6)
    return [
        abs(ideal),
        abs(signal(seed=1) - ideal),
        abs(own - ideal),
        abs(signal(during_pulse="full") - own),
        abs(signal(during_pulse="full") - without_efficiency(sequence)),
        *(abs(signal(crusher_cycles=cycles) - ideal) for cycles in (2, 4, 8)),
        *(abs(signal(EVEN, n_places=n, extent=2.0, n_spins=2**6) - even) for n in (8, 16)),
    ]


def without_efficiency(sequence: Sequence) -> complex:
    """Signal if the inversion were a pulse of any other kind, of which T1 and T2 leave all of Mz."""
    sweep = KINDS["hs"].waveform.sum()
    samples = Samples(duration=KINDS["hs"].duration, samples=tuple(KINDS["hs"].waveform.tolist()))
    is_inversion = torch.tensor([kind == "hs" for kind in (sequence.layout or ECHO).kinds])
    same = replace(
        sequence,
        flip_angle=torch.where(is_inversion, math.pi * abs(sweep), sequence.flip_angle),
        phase=torch.where(is_inversion, sequence.phase + cmath.phase(sweep), sequence.phase),
    )
    kinds = KINDS | {"hs": samples}
    played = play_spins(same, WHITE_MATTER, **FINE, kinds=kinds, during_pulse="frequency")
    return complex(played.signal[-1, 0])


def shaped() -> list[Sequence]:
    """A slice-selective, crushed spin echo, by itself and after an adiabatic inversion."""
    inverted = Layout.plain(3, gradients=(SPOILER, 1, 1), kinds=("hs", "sinc", "sinc"))
    return [
        Sequence.from_degrees_ms([90, 175], [0, 90], [8, 8], layout=ECHO),
        Sequence.from_degrees_ms([180, 90, 175], [0, 0, 90], [300, 8, 8], layout=inverted),
    ]


def repeated() -> dict[str, Sequence]:
    """Sequences that are repeated, of hard pulses."""
    make = Sequence.from_degrees_ms
    echo, inverted = (
        Layout.plain(n, gradients=g, steady=True) for n, g in ((2, (1, 1)), (3, (SPOILER, 1, 1)))
    )
    return {
        "gradient echo, 30°, TR 30 ms": make([30], [0], [4, 26], layout=Layout.plain(1, steady=True)),
        "spin echo 85°–150°, crushed, TR 0.5 s": make([85, 150], [0, 86], [8, 8, 484], layout=echo),
        "the same, no crusher": make([85, 150], [0, 86], [8, 8, 484], layout=Layout.plain(2, steady=True)),
        "inversion, spoiler, crushed spin echo, TR 1 s": make(
            [170, 85, 160], [17, 0, 69], [350, 8, 8, 634], layout=inverted
        ),
        "90°–170°–80°, no gradient, TR 0.2 s": make(
            [90, 170, 80], [0, 90, 180], [8, 8, 1, 183], layout=Layout.plain(3, steady=True)
        ),
        "8 echoes of 130°, crushed, TR 1 s": make(
            [90] + [130] * 8, [90] + [0] * 8, [5, 915], layout=Layout.train(8, crusher=1, steady=True)
        ),
    }


def spoiling(sequence: Sequence) -> list[float]:
    """Largest |signal| of a repeated sequence, and how far each way to end the repetition moves it."""

    def signal(played: Sequence = sequence, **options: Any) -> np.ndarray:
        return play_spins(played, WHITE_MATTER, n_spins=2**16, **options).signal

    repetitions = 1 + math.ceil(20 * WHITE_MATTER.t1.item() / sequence.tr.item())
    ideal = signal()
    ends = {end: signal(end_of_tr=end, repetitions=repetitions) for end in ("spoiled", "constant")}
    return [
        abs(ideal).max(),
        abs(ends["spoiled"] - ideal).max(),
        abs(ends["spoiled"] - signal(sequence.repeat(3))).max(),
        abs(ends["constant"] - ideal).max(),
    ]


if __name__ == "__main__":
    main()
