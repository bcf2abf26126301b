"""The task of a problem in words, and its conditions as tables of HTML."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from sequence_search.limits import Limits
from sequence_search.objective import Term
from sequence_search.problem.problem import Problem
from sequence_search.problem.writing import write_limits, write_table
from sequence_search.words import bounds_text, enumerated

WORDS = {
    "signal": "as much signal of {tissues} as there is M0",
    "null": "no signal of {tissues}",
    "contrast": "{tissues} as different in signal as possible",
    "signed_contrast": "{tissues} as different in complex signal as possible",
    "snr_efficiency": "much signal of {tissues} per root of the repetition time",
    "crlb": "a low Cramér-Rao bound of {parameter} in {tissues}",
    "rf_energy": "little RF energy",
    "rf_number": "few pulses",
    "time_to_readout": "a short time to the readout",
    "duration": "a short duration",
    "peak_b1": "a low peak B1",
    "b1_rms": "a low B1 rms",
}

SIGNAL_WORDS = {"mean": "mean |Mxy|", "percentile_95": "95th percentile of |Mxy|"}
LIMIT_WORDS = {
    "time_to_readout_ms": "a time to the readout of {} ms",
    "te_ms": "a TE{echo} of {} ms",
    "ti_ms": "a TI of {} ms",
    "relative_rf_energy": "RF energy of {} times that of 90°-180°",
    "max_flip_deg": "flip angles of {}°",
    "n_rf": "{} RF pulses",
}


def task_words(problem: Problem) -> str:
    """As "Wanted: no signal of CSF; little RF energy; with mean |Mxy| of GM at least 0.4."."""
    names = [tissue.name for tissue in problem.tissues]
    of_signal = [each for each in problem.objective.terms if each.kind.n_tissues[1] != 0]
    of_sequence = [each for each in problem.objective.terms if each.kind.n_tissues[1] == 0]
    parts = [
        enumerated(_term_words(each, names) for each in terms) for terms in (of_signal, of_sequence) if terms
    ]
    limits = _limits_words(problem.limits)
    kept = f"; with {enumerated(limits)}" if limits else ""
    return f"Wanted: {'; '.join(parts)}{kept}."


def _term_words(term: Term, names: list[str]) -> str:
    if term.kind.own:
        return f"{term.name}, a term in Python"
    tissues = names if term.tissues is None else [names[at] for at in term.tissues]
    words = WORDS[term.kind.name].format(
        tissues=enumerated(tissues), parameter=term.estimate.parameter.upper() if term.estimate else ""
    )
    if term.brighter is not None:
        words += f", {names[term.brighter]} the brighter"
    return words if term.worst_share == 1 else f"{words}, in the worst {100 * term.worst_share:g} % of voxels"


def _limits_words(limits: Limits) -> list[str]:
    """What a design must keep, as "mean |Mxy| of GM at least 0.4" or "90°-180° as its last pulses"."""
    written = write_limits(limits)
    found = [
        f"{SIGNAL_WORDS[name]} of {tissue} {_bounds(bounds)}"
        for tissue, table in written.get("signal", {}).items()
        for name, bounds in table.items()
    ]
    for name, text in LIMIT_WORDS.items():
        if name in written:
            echo = f" of echo {limits.te_readout}" if name == "te_ms" and limits.te_readout > 1 else ""
            found.append(text.format(_bounds(written[name]), echo=echo))
    for name, place in (("head", "first"), ("tail", "last")):
        if name in written:
            flips = [f"{flip:.4g}°" for flip in written[name]["flip_deg"]]
            found.append(f"{'-'.join(flips)} as its {place} {'pulses' if flips[1:] else 'pulse'}")
    return found if limits.system is None else [*found, f"what {limits.system.name} can play"]


def _bounds(bounds: float | dict[str, float]) -> str:
    """Of a limit as a file has it, in words."""
    low_high = bounds if isinstance(bounds, dict) else {"high": bounds}
    return bounds_text(low_high.get("low"), low_high.get("high"))


def conditions(problem: Problem) -> str:
    """Tables of tissues, imaging, objective and limits, in the units of a problem file."""
    tissues = {tissue.name: write_table("tissues", tissue) for tissue in problem.tissues}
    parts = [_grid("Tissues", tissues), _pairs("Imaging", write_table("imaging", problem.imaging))]
    parts.append(_pairs("Weights", {term.name: term.weight for term in problem.objective.terms}))
    parts.append(_pairs("Search space", write_table("search_space", problem.search_space)))
    if problem.limits != Limits():
        parts.append(_pairs("Limits", write_limits(problem.limits)))
    return f'<div class="conditions">{"".join(parts)}</div>'


def _grid(title: str, rows: dict[str, dict[str, object]]) -> str:
    keys = list(dict.fromkeys(key for row in rows.values() for key in row))
    head = "".join(f'<th scope="col">{escape(key)}</th>' for key in keys)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{value_text(row.get(key, ''))}</td>" for key in keys)
        + "</tr>"
        for name, row in rows.items()
    )
    return f"<section><h3>{title}</h3><table><thead><tr><td></td>{head}</tr></thead>{body}</table></section>"


def _pairs(title: str, rows: dict[str, object]) -> str:
    return f"<section><h3>{title}</h3>{pairs_table(rows.items())}</section>"


def pairs_table(rows: Iterable[tuple[str, object]]) -> str:
    """A table of two columns."""
    body = "".join(
        f'<tr><th scope="row">{escape(key)}</th><td>{value_text(value)}</td></tr>' for key, value in rows
    )
    return f"<table>{body}</table>"


def value_text(value: object) -> str:
    """A value of a problem file as people read it, escaped."""
    if isinstance(value, dict):
        if value.keys() == {"mean", "sd"}:
            return f"{value_text(value['mean'])} ± {value_text(value['sd'])}"
        if value.keys() == {"low", "high"}:
            return f"{value_text(value['low'])} to {value_text(value['high'])}"
        return escape(", ".join(f"{key} {part}" for key, part in value.items()))
    if isinstance(value, list | tuple):
        return ", ".join(value_text(part) for part in value)
    return f"{value:.6g}" if isinstance(value, float) else escape(str(value))
