"""A sequence in a line of text, as a physicist reads it."""

from __future__ import annotations

from collections.abc import Sequence

from sequence_search.layout import HARD, SPOILER, Gradient, Layout, Multiples, Readout

Numbers = Sequence[float]
Piece = tuple[Multiples, Gradient]  # of an interval, between two of its pulse, readouts and end


def plain_text(flip_deg: Numbers, phase_deg: Numbers, delay_ms: Numbers) -> str:
    """As ``88.4°(0°) –6.2 ms– 176.7°(180°) –6.2 ms– readout``."""
    pulses = map(_pulse, flip_deg, phase_deg)
    return " ".join(
        [*(f"{pulse} –{duration(ms)}–" for pulse, ms in zip(pulses, delay_ms, strict=True)), "readout"]
    )


def layout_text(flip_deg: Numbers, phase_deg: Numbers, delay_ms: Numbers, layout: Layout) -> str:
    """As ``180°(0°) –2 s |spoiler|– 90°(90°) –4 ms– [180°(0°) –4 ms– readout ×8, ESP 8 ms] –1 s– TR 3 s``.

    A train of echoes of one spacing is told short if its pulses, gradients and readouts are all alike.
    """
    pulses = [
        pulse if kind == HARD else f"{kind} {pulse}"
        for kind, pulse in zip(layout.kinds, map(_pulse, flip_deg, phase_deg), strict=True)
    ]
    words: list[str] = []
    first = 0
    while first < layout.n_rf:
        count = _echoes(layout, pulses, first)
        *parts, rest = pieces(layout, first + count - 1, delay_ms)
        read = [word for piece in parts for word in (_piece(piece, delay_ms), "readout") if word]
        if count > 1:
            spacing = duration(2 * time_of(parts[0][0], delay_ms))
            words.append(f"[{' '.join([pulses[first], *read])} ×{count}, ESP {spacing}]")
        else:
            words += [pulses[first], *read]
        if word := _piece(rest, delay_ms):
            words.append(word)
        first += count
    if layout.steady:
        words.append(f"TR {duration(sum(time_of(row, delay_ms) for row in layout.multiples))}")
    return " ".join(words)


def pieces(layout: Layout, pulse: int, delay_ms: Numbers) -> list[Piece]:
    """The interval after a pulse, cut at its readouts; what follows the last of them may be empty."""
    taken: Multiples = (0,) * layout.n_delay
    moment, pieces = 0, []
    readouts = [one for one in layout.readouts if one.pulse == pulse]
    for one in sorted(readouts, key=lambda one: time_of(one.multiples, delay_ms)):
        pieces.append((_less(one.multiples, taken), one.gradient - moment))
        taken, moment = one.multiples, one.gradient
    whole = layout.gradients[pulse]
    return [*pieces, (_less(layout.multiples[pulse], taken), whole if whole == SPOILER else whole - moment)]


def _echoes(layout: Layout, pulses: list[str], first: int) -> int:
    """Number of like pulses from the first on, each midway between echoes that are read; 1 if not a train."""
    readouts = {pulse: [one for one in layout.readouts if one.pulse == pulse] for pulse in range(layout.n_rf)}

    def alike(pulse: int) -> bool:
        return pulses[pulse] == pulses[first] and [_in_pulse(one) for one in readouts[pulse]] == [half]

    if len(readouts[first]) != 1:
        return 1
    half = _in_pulse(readouts[first][0])
    twice = tuple(2 * each for each in half[0]), 2 * half[1]
    count = 1
    while first + count < layout.n_rf and alike(first + count):
        if (layout.multiples[first + count - 1], layout.gradients[first + count - 1]) != twice:
            break
        count += 1
    return count


def _in_pulse(readout: Readout) -> tuple[Multiples, int]:
    return readout.multiples, readout.gradient


def _piece(piece: Piece, delay_ms: Numbers) -> str:
    multiples, gradient = piece
    mark = ""
    if gradient:
        mark = f"|{gradient}|" if gradient == SPOILER else f"|{_crushers(int(gradient))}|"
    if not any(multiples):
        return mark
    return f"–{' '.join(filter(None, [duration(time_of(multiples, delay_ms)), mark]))}–"


def _crushers(moment: int) -> str:
    return "crusher" if moment == 1 else f"{moment} crushers"


def time_of(multiples: Multiples, delay_ms: Numbers) -> float:
    """Sum of the delays, each as often as `multiples` says [ms]."""
    return sum(times * delay for times, delay in zip(multiples, delay_ms, strict=True))


def _less(whole: Multiples, part: Multiples) -> Multiples:
    return tuple(one - other for one, other in zip(whole, part, strict=True))


def _pulse(flip_deg: float, phase_deg: float) -> str:
    return f"{_short(flip_deg, 1)}°({phase_text(phase_deg)}°)"


def phase_text(phase_deg: float) -> str:
    """In whole degrees, and what rounds to -180° as the same 180°."""
    text = _short(phase_deg, 0)
    return "180" if text == "-180" else text


def _short(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def duration(delay_ms: float) -> str:
    """As "1.18 ms", "82.6 ms", or "2.75 s" from a second on."""
    if delay_ms >= 999.95:
        return f"{_short(delay_ms / 1e3, 3)} s"
    return f"{_short(delay_ms, 2 if delay_ms < 9.995 else 1)} ms"
