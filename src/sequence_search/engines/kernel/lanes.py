"""Eight numbers side by side: a type for numba that is one SIMD register.

LLVM vectorises a loop over voxels only where it can prove that its many rows do
not alias, which it cannot for a tree of amplitudes.  With `Lanes` nothing needs
to be proved: `+ - * /` between lanes, or lanes and a float, are one instruction
each (two or four where registers are narrower), and rows of eight are loaded and
stored explicitly.  There are no bounds checks.
"""

from __future__ import annotations

import math
import operator
from fractions import Fraction

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

WIDTH = 8
VECTOR = ir.VectorType(ir.DoubleType(), WIDTH)
BITS = ir.VectorType(ir.IntType(64), WIDTH)
# Multiply-adds may fuse; no other liberty, the range reductions rely on order.
FLAGS = ("contract",)


class Lanes(types.Type):
    """Eight float64 numbers."""


LANES = Lanes("lanes")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, VECTOR)


def _constant(number):
    return ir.Constant(VECTOR, [float(number)] * WIDTH)


def _widen(builder, value, kind):
    """A number copied to all lanes; lanes as they are."""
    if kind == LANES:
        return value
    undefined = ir.Constant(VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.IntType(32)(0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, undefined, everywhere)


def _define(symbol, instruction):
    """Let an operator act on lanes, or lanes and a float."""

    @type_callable(symbol)
    def _(context):
        def result(x, y):
            if LANES in (x, y) and {x, y} <= {LANES, types.float64}:
                return LANES

        return result

    def emit(context, builder, signature, values):
        x, y = (_widen(builder, *pair) for pair in zip(values, signature.args, strict=True))
        return getattr(builder, instruction)(x, y, flags=FLAGS)

    for pair in ((Lanes, Lanes), (Lanes, types.Float), (types.Float, Lanes)):
        lower_builtin(symbol, *pair)(emit)


for _symbol, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
    (operator.iadd, "fadd"),
):
    _define(_symbol, _instruction)


@intrinsic
def pointer(typing, array, start):
    """Where array[start] is.  Unlike an array a pointer costs no reference
    counting when passed around, but it keeps nothing alive."""

    def emit(context, builder, signature, values):
        data = context.make_array(array)(context, builder, values[0]).data
        return builder.gep(data, [values[1]])

    return types.CPointer(array.dtype)(array, types.intp), emit


@intrinsic
def skip(typing, start, count):
    """The pointer `count` numbers further on."""

    def emit(context, builder, signature, values):
        return builder.gep(values[0], [values[1]])

    return start(start, types.intp), emit


def _row(builder, values):
    offset = builder.mul(values[1], ir.Constant(values[1].type, WIDTH))
    return builder.bitcast(builder.gep(values[0], [offset]), VECTOR.as_pointer())


@intrinsic
def load(typing, rows, row):
    """The lanes at rows[WIDTH * row]."""

    def emit(context, builder, signature, values):
        return builder.load(_row(builder, values), align=8)

    return LANES(rows, types.intp), emit


@intrinsic
def store(typing, rows, row, value):
    """Write lanes (or a float, to all lanes) at rows[WIDTH * row]."""

    def emit(context, builder, signature, values):
        wide = _widen(builder, values[2], signature.args[2])
        builder.store(wide, _row(builder, values), align=8)
        return context.get_dummy_value()

    return types.none(rows, types.intp, value), emit


@intrinsic
def lesser(typing, x, y, if_less, otherwise):
    """`if_less` in the lanes where x < y, else `otherwise`."""

    def emit(context, builder, signature, values):
        x, y, yes, no = (_widen(builder, *pair) for pair in zip(values, signature.args, strict=True))
        return builder.select(builder.fcmp_ordered("<", x, y), yes, no)

    return LANES(x, y, if_less, otherwise), emit


@intrinsic
def root(typing, x):
    """Square root."""

    def emit(context, builder, signature, values):
        kind = ir.FunctionType(VECTOR, [VECTOR])
        sqrt = cgutils.get_or_insert_function(builder.module, kind, f"llvm.sqrt.v{WIDTH}f64")
        return builder.call(sqrt, values)

    return LANES(x), emit


@intrinsic
def shift_exponent(typing, x, shifted):
    """x 2**k, where `shifted` is the integer k plus SHIFT."""

    def emit(context, builder, signature, values):
        x, k = (builder.bitcast(value, BITS) for value in values)
        k = builder.shl(k, ir.Constant(BITS, [52] * WIDTH))
        return builder.bitcast(builder.add(x, k), VECTOR)

    return LANES(x, shifted), emit


@intrinsic
def take_next(typing, counter):
    """Add one to counter[0] and return what it was, safely among threads."""

    def emit(context, builder, signature, values):
        data = context.make_array(signature.args[0])(context, builder, values[0]).data
        return builder.atomic_rmw("add", data, ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(counter), emit


def polynomial(coefficients):
    """An unrolled Horner scheme, lowest power first."""

    @intrinsic
    def evaluate(typing, x):
        def emit(context, builder, signature, values):
            total = _constant(coefficients[-1])
            for coefficient in coefficients[-2::-1]:
                total = builder.fmul(total, values[0], flags=FLAGS)
                total = builder.fadd(total, _constant(coefficient), flags=FLAGS)
            return total

        return LANES(x), emit

    return evaluate


inner = njit(nogil=True, forceinline=True, error_model="numpy")

# Adding and taking away 1.5 * 2**52 rounds to an integer, left in the low bits.
SHIFT = 1.5 * 2.0**52
# ln 2 in two and pi in three parts; all but the last have at most 33 bits, so
# that small multiples are exact.
LN2_1, LN2_2 = 6.93147180369123816490e-01, 1.90821492927058770002e-10
PI_1, PI_2, PI_3 = (
    2 * part for part in (1.57079632673412561417, 6.07710050630396597660e-11, 2.02226624879595063154e-21)
)


def economised(series, low, high, degree):
    """The polynomial of given degree closest to a longer Taylor series on
    [low, high]: its expansion in Chebyshev polynomials, cut short (exact in
    rational numbers, so that rounding of the coefficients is all that is lost)."""
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


def _inverse_factorial(i):
    return Fraction(1, math.factorial(i))


_exp_series = polynomial(economised([_inverse_factorial(i) for i in range(18)], -0.3467, 0.3467, 11))
_cos_series = polynomial(economised([(-1) ** i * _inverse_factorial(2 * i) for i in range(16)], 0, 2.468, 8))
_sin_series = polynomial(
    economised([(-1) ** i * _inverse_factorial(2 * i + 1) for i in range(16)], 0, 2.468, 8)
)
_sinc_series = polynomial([(-1) ** i / math.factorial(2 * i + 1) for i in range(8)])
_slope_series = polynomial([(-1) ** i * 2 * i / math.factorial(2 * i + 1) for i in range(1, 10)])


@inner
def exponential(x):
    """exp(x), exactly 0 below -700 and no more than exp(700)."""
    x = lesser(700.0, x, 700.0, x)  # in this order NaN stays NaN, here and below
    shifted = x * (1 / math.log(2)) + SHIFT
    k = shifted - SHIFT
    rest = (x - k * LN2_1) - k * LN2_2
    return lesser(x, -700.0, 0.0, shift_exponent(_exp_series(rest), shifted) + 0.0 * rest)


@inner
def half_squares(x):
    """cos^2(x/2), sin^2(x/2) and sin(x).

    The half angle is reduced to [-pi/2, pi/2], where short polynomials suffice; the
    sign lost with each half turn cancels in these products.  Beyond |x| ~ 1e6
    accuracy is lost slowly; `rest` is held so that nothing overflows.
    """
    half = x * 0.5
    k = (half * (1 / math.pi) + SHIFT) - SHIFT
    rest = ((half - k * PI_1) - k * PI_2) - k * PI_3
    rest = lesser(1.6, rest, 1.6, rest)
    rest = lesser(rest, -1.6, -1.6, rest)
    square = rest * rest
    cosine = _cos_series(square)
    sine = rest * _sin_series(square)
    return cosine * cosine, sine * sine, 2.0 * cosine * sine


@inner
def sinc_and_slope(rate, tau):
    """sin(x)/x of x = rate tau, and its derivative with respect to tau."""
    x = rate * tau
    cos2, sin2, sine = half_squares(x)
    square = x * x
    sinc = lesser(square, 0.25, _sinc_series(square), sine / x)
    slope = lesser(square, 0.25, x * _slope_series(square), ((cos2 - sin2) - sinc) / x)
    return sinc, rate * slope
