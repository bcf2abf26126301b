"""Markdown tables of what engines.py measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"
# Least ratio to fused, by contestant and pulses, at 32 sequences (fused) and 1,000 voxels.
TARGETS = {
    "isochromats": {2: 500, 3: 500, 5: 150},
    "MRzeroCore": {2: 150, 3: 200, 5: 250},
    "pathways": {2: 30, 3: 30, 5: 30},
}
FLOOR_TARGET = 3
OVERHEAD_TARGET_US = 20

Found = dict[str, Any]


def insert(page: Path, found: Found) -> None:
    """Replace what stands between the marks of a page.

    Raises
    ------
    ValueError
        If the page has no marks.
    """
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page} needs the lines '{BEGIN}' and '{END}', between which the tables go")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{render(found)}\n\n{END}{after}", encoding="utf-8")


def render(found: Found) -> str:
    """All tables."""
    parts = [_machine(found), _targets(found), *_times(found), _agreement(found), _floor(found)]
    parts += [of_layouts(found.get("layouts", [])), _overhead(found), _memory(found)]
    return "\n\n".join(part for part in parts if part)


def _table(title: str, head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join([f"### {title}", "", *("| " + " | ".join(line) + " |" for line in lines)])


def _number(value: float) -> str:
    """Three digits."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"


def _name(result: Found) -> str:
    batch = f", {result['batch']} sequences" if result["batch"] > 1 else ""
    if result["contestant"] == "fused":
        batch += f", {result['cores']} core{'s' * (result['cores'] > 1)}"
    return result["contestant"] + batch


def _find(found: Found, contestant: str, pulses: int, voxels: int, batch: int) -> Found | None:
    """Result on all cores, if it was timed."""
    wanted = (contestant, pulses, voxels, batch, found["machine"]["cores"])
    for result in found["results"]:
        keys = ("contestant", "pulses", "voxels", "batch", "cores")
        if tuple(result[key] for key in keys) == wanted and "gradient_ms" in result:
            return result
    return None


def _values(found: Found, key: str) -> list[int]:
    return sorted({result[key] for result in found["results"]})


def _machine(found: Found) -> str:
    machine = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    processor = f"{machine['processor']}, {machine['cores']} cores, {machine['system']}"
    others = machine["others"]
    quiet = "" if others is None else f" Others kept {others:.2f} processors busy meanwhile."
    return f"Measured {machine['date']} at commit {machine['commit']} on {processor}; {versions}.{quiet}"


def _targets(found: Found) -> str:
    rows = []
    for pulses in _values(found, "pulses"):
        fused = _find(found, "fused", pulses, 1000, 32)
        if fused is None or pulses not in TARGETS["pathways"]:
            continue
        row = [str(pulses), _number(fused["gradient_ms"])]
        for contestant, least in TARGETS.items():
            other = _find(found, contestant, pulses, 1000, 1)
            ratio = _number(other["gradient_ms"] / fused["gradient_ms"]) + "×" if other else "-"
            row.append(f"{ratio} (≥ {least[pulses]}×)")
        rows.append(row)
    head = ["pulses", "fused [ms]", *(f"against {name} (target)" for name in TARGETS)]
    return _table("Targets: signal and gradient, 1,000 voxels, fused 32 sequences at a time", head, rows)


def _times(found: Found) -> list[str]:
    """One table for each number of pulses."""
    sizes = _values(found, "voxels")
    parts = []
    for pulses in _values(found, "pulses"):
        rows: dict[str, list[str]] = {}
        for result in found["results"]:
            if result["pulses"] == pulses:
                rows.setdefault(_name(result), []).append(_cell(found, result))
        title = f"{pulses} pulse{'s' * (pulses > 1)}: ms per sequence, signal / signal and gradient"
        head = ["", *(f"{size:,} voxels" for size in sizes)]
        parts.append(_table(title, head, [[name, *cells] for name, cells in rows.items()]))
    return parts


def _cell(found: Found, result: Found) -> str:
    """Both times, and the ratio of the second to that of fused, 32 sequences, all cores."""
    if "gradient_ms" not in result:
        return "-"
    text = f"{_number(result['signal_ms'])} / {_number(result['gradient_ms'])}"
    fused = _find(found, "fused", result["pulses"], result["voxels"], 32)
    return text + (f" ({_number(result['gradient_ms'] / fused['gradient_ms'])}×)" if fused else "")


def _agreement(found: Found) -> str:
    rows: dict[str, list[str]] = {}
    for result in found["results"]:
        if result["voxels"] == _values(found, "voxels")[0] and "signal_difference" in result:
            cell = f"{result['signal_difference']:.0e} / {result['gradient_difference']:.0e}"
            rows.setdefault(_name(result), []).append(cell)
    head = ["", *(f"{pulses} pulses" for pulses in _values(found, "pulses"))]
    title = "Largest difference of signals [M0] / of gradients, relative"
    return _table(title, head, [[name, *cells] for name, cells in rows.items()])


def _floor(found: Found) -> str:
    kinds = list(found["floor"]["nanoseconds"])
    names = [kind.replace("_", "-") for kind in kinds]
    rows = []
    for entry in found["floor"]["times"]:
        fused = _find(found, "fused", entry["pulses"], entry["voxels"], 32)
        if entry["voxels"] == min(10_000, max(_values(found, "voxels"))) and fused:
            counts = found["floor"]["counts"][str(entry["pulses"])]
            ratio = f"{fused['gradient_ms'] / entry['ms']:.2f}"
            times = [_number(entry["ms"]), _number(fused["gradient_ms"]), ratio]
            rows.append([f"{entry['pulses']}, {entry['voxels']:,}", *(str(counts[k]) for k in kinds), *times])
    cost = ", ".join(f"{n} {found['floor']['nanoseconds'][k]:.3g}" for k, n in zip(kinds, names, strict=True))
    head = ["pulses, voxels", *names, "floor [ms]", "fused [ms]", f"ratio (≤ {FLOOR_TARGET})"]
    table = _table("Floor: operations on eight voxels, 32 sequences, all cores", head, rows)
    return f"{table}\n\nAn operation on eight numbers takes, with all cores at it [ns]: {cost}."


def of_layouts(results: list[Found]) -> str:
    """Table of layouts; empty without any."""
    head = ["layout", "triples", "leaves", "ms a sequence", "of the time of", "ratio", "target", "MRzeroCore"]
    rows = [
        [
            result["layout"],
            str(result["triples"]),
            str(result["leaves"]),
            _number(result["ms"]),
            result.get("against", ""),
            f"{result['ratio']:.2f}" if "ratio" in result else "",
            f"{result['target']:g}" if "target" in result else "",
            f"{_number(result['peer_ms'])} ms, {_number(result['peer_ratio'])}x"
            if "peer_ms" in result
            else "",
        ]
        for result in results
    ]
    title = "Layouts: loss and gradient, 1,008 voxels, one core, processor time; MRzeroCore beside it"
    return _table(title, head, rows) if rows else ""


def _overhead(found: Found) -> str:
    times = {name: f"{value:.1f} µs" for name, value in found["overhead"].items()}
    return (
        f"A call with gradient of one pulse and 8 voxels takes {times['call_us']}, of which "
        f"{times['beyond_kernel_us']} beyond the kernel (target: under {OVERHEAD_TARGET_US} µs); through "
        f"`loss_and_gradient`, with a Sequence in and out, {times['loss_and_gradient_us']}."
    )


def _memory(found: Found) -> str:
    rows = [
        [
            f"{entry['contestant']}, {entry['batch']} x {entry['voxels']:,} voxels, {entry['call']}",
            _number(entry["megabytes"]),
        ]
        for entry in found["memory"]
    ]
    return _table("Peak memory of a call beyond its inputs, 5 pulses [MB]", ["", "MB"], rows) if rows else ""
