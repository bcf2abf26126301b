"""Designs of a clinic study and the textbook's, by brute force over fresh voxels; see docs/clinic.md.

python benchmarks/clinic_voxels.py clinic                            # all tasks of the study in ./clinic
python benchmarks/clinic_voxels.py clinic --only tse-8 --mrzero      # one, by MRzeroCore as well
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peers import Case, mrzero, silenced
from torch import Tensor
from voxel_values import (
    MANY,
    MANY_PLACES,
    Signals,
    agree_with_judge,
    by_engine,
    by_spins,
    closed_forms,
    difference,
    enough_spins,
    jackknife,
    signals,
    values,
)

from sequence_search import Problem, Sequence, Voxels
from sequence_search.explanation.conventional import conventional_sequence
from sequence_search.layout import HARD, Layout
from sequence_search.storage import write_bytes
from sequence_search.study.records import markdown_table
from sequence_search.study.study import Study
from sequence_search.voxels import random_voxels

OWN_SEED = 1_000_000  # of voxels and spins, added to --seed: no search has one so large
N_PAIRED, N_MANY, N_MRZERO = (
    10_000,
    1_000,
    1_000,
)  # of the voxels: by the engine, many the spins, MRzeroCore
CLEAR, EQUAL = 2, 1e-3  # standard errors, and part of a loss, up to which two losses are equal
CLEARLY = 0.05  # of a loss, from which on a design is clearly better
SAME = 1e-5  # of M0 or of a loss: the engine and spins do not differ


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path, help="folder that sequence-search clinic wrote")
    parser.add_argument("--voxels", type=int, default=100_000, help="of all tissues of a task together")
    parser.add_argument("--only", nargs="+", metavar="TASK", help="default: all tasks")
    parser.add_argument("--seed", type=int, default=0, help="of voxels and spins")
    parser.add_argument("--mrzero", action="store_true", help=f"MRzeroCore as well, on {N_MRZERO:,} voxels")
    parser.add_argument("--out", type=Path, default=Path("out/clinic-voxels.json"))
    arguments = parser.parse_args()
    study = Study.open(arguments.study)
    if unknown := set(arguments.only or ()) - study.problems.keys():
        parser.error(f"no task {', '.join(sorted(unknown))}; the study has {', '.join(study.problems)}")
    if arguments.mrzero and importlib.util.find_spec(mrzero.CONTESTANT.needs or "") is None:
        parser.error("--mrzero needs MRzeroCore: pip install --requirement benchmarks/requirements.txt")
    for name, apart in closed_forms().items():
        print(f"{name}: {apart:.1e} M0 from its closed form")
    found = []
    for name in arguments.only or study.problems:
        problem, start = study.problems[name], time.process_time()
        if not any(run.families for run in study.runs(name)):
            print(f"\n{name} has no design yet")
            continue
        both = {
            "textbook": conventional_sequence(problem),
            "ours": study.result(name).best.families[0].sequence,
        }
        played = {who: problem.playable(each) for who, each in both.items() if each is not None}
        result = check(problem, played, arguments.voxels, OWN_SEED + arguments.seed, arguments.mrzero)
        found.append(result | {"seconds": time.process_time() - start})
        print(report(found[-1]), flush=True)
        write_bytes(arguments.out, (json.dumps(found, indent=1) + "\n").encode())
    print(overview(found))


def check(
    problem: Problem, played: dict[str, Sequence], n_voxels: int, seed: int, with_mrzero: bool
) -> dict[str, Any]:
    """Values of each sequence by each way, with their standard errors, and whose loss is the better one."""
    voxels = random_voxels(problem.tissues, problem.imaging, n_voxels, seed=seed)
    paired = voxels[:N_PAIRED]
    whole, alike, designs = {}, {}, {}
    for who, sequence in played.items():
        agree_with_judge(problem, sequence, voxels, seed)
        n_spins = enough_spins(problem, sequence, voxels, seed)
        spins = partial(by_spins, problem, sequence)
        whole[who] = spins(n_spins, voxels, seed)
        alike[who] = spins(n_spins, paired, seed, keeps_mz=True)
        many = spins(max(MANY, 2 * n_spins), voxels[:N_MANY], seed, n_places=MANY_PLACES)
        designs[who] = {"sequence": str(sequence), "spins": n_spins}
        designs[who] |= _values(problem, sequence, voxels, whole[who], many)
        if with_mrzero:
            some = voxels[:N_MRZERO]
            designs[who] |= beside_mrzero(problem, sequence, some, whole[who].of(slice(N_MRZERO)))
    names = ["loss", *(tissue.name for tissue in problem.tissues)]
    result = {"task": problem.name, "voxels": n_voxels, "values": names, "designs": designs}
    if len(played) == 2:
        losses = [designs[who]["engine"][0] for who in ("textbook", "ours")]
        gain, error = _gain(problem, played, voxels, whole)
        result |= {"gain_by_engine": (losses[0] - losses[1]) / abs(losses[0]), "gain": gain}
        result |= {"gain_error": error}
        if any(sequence.is_steady for sequence in played.values()):
            result["gain_if_alike"] = _gain(problem, played, paired, alike)[0]
        clear = abs(gain) > max(CLEAR * error, EQUAL)
        result["verdict"] = ("better" if gain > 0 else "worse") if clear else "equal"
    return result


def _values(
    problem: Problem, sequence: Sequence, voxels: Voxels, spins: Signals, many: Signals
) -> dict[str, list[float]]:
    """By the engine on the voxels of a search's report, by brute force, and by both on the same voxels."""
    reported, paired, few = problem.voxels(), voxels[:N_PAIRED], voxels[:N_MANY]
    brute, error = jackknife(
        len(voxels), lambda some: values(problem, sequence, voxels[some], spins.of(some))
    )
    pair = by_engine(problem, sequence, paired), spins.of(slice(N_PAIRED))
    apart, apart_error = difference(problem, sequence, paired, *pair)
    change, change_error = difference(problem, sequence, few, many, spins.of(slice(N_MANY)))
    found = {
        "engine": values(problem, sequence, reported, by_engine(problem, sequence, reported)),
        "brute": brute,
        "brute_error": error,
        "engine_less_brute": apart,
        "engine_less_brute_error": apart_error,
        "many_less_brute": change,
        "many_less_brute_error": change_error,
    }
    return {name: each.tolist() for name, each in found.items()}


def _gain(
    problem: Problem, played: dict[str, Sequence], voxels: Voxels, found: dict[str, Signals]
) -> tuple[float, float]:
    """By how much our loss is less than the textbook's, relative to that, and its standard error."""

    def better(some: Tensor) -> np.ndarray:
        textbook, ours = (
            values(problem, played[who], voxels[some], found[who].of(some))[0] for who in ("textbook", "ours")
        )
        return np.asarray((textbook - ours) / abs(textbook))

    gain, error = jackknife(len(voxels), better)
    return float(gain), float(error)


def beside_mrzero(problem: Problem, sequence: Sequence, voxels: Voxels, spins: Signals) -> dict[str, Any]:
    """Values by MRzeroCore and by brute force in the same voxels, or why there are none."""
    if shaped := sorted(set((sequence.layout or Layout.plain(1)).kinds) - {HARD}):
        return {
            "why_not": f"MRzeroCore plays instantaneous pulses alone, and this one has {', '.join(shaped)}"
        }

    def play(of: Voxels, _: int) -> Tensor:
        case = Case(sequence.map(lambda part: part[None]), of, problem.objective)
        with silenced():
            return mrzero.prepare(case).signal()[0].to(torch.complex128)

    theirs = signals(problem, voxels, play)
    return {
        "mrzero": values(problem, sequence, voxels, theirs).tolist(),
        "brute_beside": values(problem, sequence, voxels, spins).tolist(),
        "engine_furthest": float((theirs.signal - by_engine(problem, sequence, voxels).signal).abs().max()),
    }


def report(result: dict[str, Any]) -> str:
    """All values of a task."""
    lines = [f"\n{result['task']}: {result['voxels']:,} voxels, {result['seconds']:.0f} s"]
    for who, of in result["designs"].items():
        rows = []
        for at, name in enumerate(result["values"]):
            row = [name, f"{of['engine'][at]:.5f}", f"{of['brute'][at]:.5f} ± {of['brute_error'][at]:.5f}"]
            row.append(f"{of['engine'][at] - of['brute'][at]:.5f}")
            row += [
                f"{of[less][at]:.1e} ± {of[f'{less}_error'][at]:.0e}"
                for less in ("engine_less_brute", "many_less_brute")
            ]
            if "mrzero" in of:
                row += [f"{of[each][at]:.5f}" for each in ("mrzero", "brute_beside")]
            rows.append(row)
        heading = ["", "engine", "brute force", "difference", "of the same voxels", "with many spins"]
        heading += ["MRzeroCore", "brute force beside it"] if "mrzero" in of else []
        lines += [f"\n{who}, {of['spins']:,} spins a voxel: {of['sequence']}", markdown_table(heading, rows)]
        lines += [of["why_not"]] if "why_not" in of else []
        if doubtful := [result["values"][at] for at in _doubtful(of)]:
            lines.append(f"THE ENGINE AND THE SPINS DIFFER: {', '.join(doubtful)}")
    if "verdict" in result:
        lines.append(
            f"ours is {result['verdict']}: {_percent(result['gain_by_engine'])} by the engine,"
            f" {_percent(result['gain'])} ± {100 * result['gain_error']:.2f} % by brute force,"
            f" {_if_alike(result)} if all repetitions are alike"
        )
    return "\n".join(lines)


def _doubtful(of: dict[str, Any]) -> list[int]:
    """Places of the values in which the engine is further from the spins than sampling explains."""
    apart, error, spins, spins_error = (
        np.abs(of[f"{less}{error}"])
        for less in ("engine_less_brute", "many_less_brute")
        for error in ("", "_error")
    )
    return np.flatnonzero(apart > 4 * error + spins + 4 * spins_error + SAME).tolist()


def overview(found: list[dict[str, Any]]) -> str:
    """Losses of all tasks in one table, and signals of those of which ours is clearly better in another."""
    both = [result for result in found if "verdict" in result]
    losses, means = [], []
    for result in both:
        textbook, ours = (result["designs"][who] for who in ("textbook", "ours"))
        losses.append(
            [
                result["task"],
                *(f"{of[way][0]:.5f}" for of in (textbook, ours) for way in ("engine", "brute")),
                _percent(result["gain_by_engine"]),
                f"{_percent(result['gain'])} ± {100 * result['gain_error']:.1f}",
                _if_alike(result),
                _by_mrzero(textbook, ours),
                result["verdict"],
            ]
        )
        if result["gain"] >= CLEARLY:
            for at, tissue in enumerate(result["values"][1:], start=1):
                row = [f"{of[way][at]:.4f}" for of in (textbook, ours) for way in ("engine", "brute")]
                apart = max(abs(of["engine_less_brute"][at]) for of in (textbook, ours))
                means.append([result["task"], tissue, *row, f"{apart:.0e}"])
    heading = ["textbook, engine", "brute force", "ours, engine", "brute force"]
    gains = [
        "better by, engine",
        "brute force",
        "repetitions alike",
        "MRzeroCore (brute force beside it)",
        "ours is",
    ]
    return "\n".join(
        [
            "\nLosses:\n",
            markdown_table(["task", *heading, *gains], losses),
            "Mean |Mxy| of each tissue, of the designs that are clearly better:\n",
            markdown_table(["task", "tissue", *heading, "furthest, same voxels"], means),
        ]
    )


def _by_mrzero(textbook: dict[str, Any], ours: dict[str, Any]) -> str:
    """Gain by MRzeroCore and by brute force in the same voxels; – where it has not played both."""
    if "mrzero" not in textbook or "mrzero" not in ours:
        return "–"
    theirs, same = (
        (textbook[way][0] - ours[way][0]) / abs(textbook[way][0]) for way in ("mrzero", "brute_beside")
    )
    return f"{_percent(theirs)} ({_percent(same)})"


def _if_alike(result: dict[str, Any]) -> str:
    """Gain where each spin keeps its Mz; – of sequences that are played once."""
    return _percent(result["gain_if_alike"]) if "gain_if_alike" in result else "–"


def _percent(share: float) -> str:
    return f"{100 * share:+.1f} %".replace("-", "−")


if __name__ == "__main__":
    main()
