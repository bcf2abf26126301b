"""Exponential and trigonometric functions of lanes, by polynomials."""

from __future__ import annotations

import math
from fractions import Fraction

from numba.extending import intrinsic

from sequence_search.engines.kernel.compilation import inner
from sequence_search.engines.kernel.lanes import FLAGS, LANES, constant, select_less, shift_exponent

# Adding and taking away 1.5 * 2**52 rounds to an integer, left in the low bits.
SHIFT = 1.5 * 2.0**52
# ln 2 in two and pi in three parts; all but the last have at most 33 bits, so that small multiples are exact.
LN2_1, LN2_2 = 6.93147180369123816490e-01, 1.90821492927058770002e-10
PI_1, PI_2, PI_3 = (
    2 * part for part in (1.57079632673412561417, 6.07710050630396597660e-11, 2.02226624879595063154e-21)
)


def polynomial(coefficients):
    """Make an unrolled Horner scheme of coefficients, lowest power first."""

    @intrinsic
    def evaluate(typing, x):
        def emit(context, builder, signature, values):
            total = constant(coefficients[-1])
            for coefficient in coefficients[-2::-1]:
                total = builder.fmul(total, values[0], flags=FLAGS)
                total = builder.fadd(total, constant(coefficient), flags=FLAGS)
            return total

        return LANES(x), emit

    return evaluate


def economised(series, low, high, degree):
    """Find the polynomial of given degree closest to a longer Taylor series on [low, high]: its expansion in
    Chebyshev polynomials, cut short (exact in rational numbers, so that only coefficients are rounded)."""
    series, low, high = list(series), Fraction(low), Fraction(high)
    scale, shift = 2 / (high - low), (high + low) / (high - low)
    chebyshev = [[Fraction(1)], [-shift, scale]]
    while len(chebyshev) < len(series):
        last = chebyshev[-1]
        next_ = [2 * (scale * a - shift * b) for a, b in zip([0, *last], [*last, 0], strict=True)]
        for i, a in enumerate(chebyshev[-2]):
            next_[i] -= a
        chebyshev.append(next_)
    while len(series) > degree + 1:
        top = chebyshev[len(series) - 1]
        part = series[-1] / top[-1]
        series = [a - part * b for a, b in zip(series, top, strict=True)][:-1]
    return [float(a) for a in series]


def _taylor(first, step, count):
    """Coefficients of the Taylor series of exp (0, 1), and of cos x (0, 2) and sin(x)/x (1, 2) by x²."""
    return [Fraction((-1) ** (i * (step - 1)), math.factorial(first + step * i)) for i in range(count)]


_exp_series = polynomial(economised(_taylor(0, 1, 18), -0.3467, 0.3467, 11))
_cos_series = polynomial(economised(_taylor(0, 2, 16), 0, 2.468, 8))
_sin_series = polynomial(economised(_taylor(1, 2, 16), 0, 2.468, 8))
_sinc_series = polynomial(_taylor(1, 2, 8))
_slope_series = polynomial([(-1) ** i * 2 * i / math.factorial(2 * i + 1) for i in range(1, 10)])


@inner
def exponential(x):
    """Take exp(x), exactly 0 below -700 and no more than exp(700)."""
    x = select_less(700.0, x, 700.0, x)  # in this order NaN stays NaN, here and below
    shifted = x * (1 / math.log(2)) + SHIFT
    k = shifted - SHIFT
    rest = (x - k * LN2_1) - k * LN2_2
    return select_less(x, -700.0, 0.0, shift_exponent(_exp_series(rest), shifted) + 0.0 * rest)


@inner
def half_squares(x):
    """Take cos^2(x/2), sin^2(x/2) and sin(x).

    The half angle is reduced to [-pi/2, pi/2], where short polynomials suffice; the
    sign lost with each half turn cancels in these products.  Beyond |x| ~ 1e6
    accuracy is lost slowly; `rest` is held so that nothing overflows.
    """
    half = x * 0.5
    k = (half * (1 / math.pi) + SHIFT) - SHIFT
    rest = ((half - k * PI_1) - k * PI_2) - k * PI_3
    rest = select_less(1.6, rest, 1.6, rest)
    rest = select_less(rest, -1.6, -1.6, rest)
    square = rest * rest
    cosine = _cos_series(square)
    sine = rest * _sin_series(square)
    return cosine * cosine, sine * sine, 2.0 * cosine * sine


@inner
def sinc_and_slope(rate, tau):
    """Take sin(x)/x of x = rate tau, and its derivative with respect to tau."""
    x = rate * tau
    cos2, sin2, sine = half_squares(x)
    square = x * x
    sinc = select_less(square, 0.25, _sinc_series(square), sine / x)
    slope = select_less(square, 0.25, x * _slope_series(square), ((cos2 - sin2) - sinc) / x)
    return sinc, rate * slope
