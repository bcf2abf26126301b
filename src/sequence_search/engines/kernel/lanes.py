"""Eight numbers side by side: a type for numba that is one SIMD register.

LLVM vectorises a loop over voxels only where it can prove that its many rows do not alias, which it cannot
for a tree of amplitudes. With `Lanes` nothing needs to be proved: `+ - * /` between lanes, or lanes and a
float, are one instruction each (two or four where registers are narrower), and rows of eight are loaded and
stored explicitly. Indices are checked in the checked mode only, see `compilation`.
"""

from __future__ import annotations

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

from sequence_search.engines.kernel.compilation import CHECKED

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


def constant(number):
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
def pointer(typing, array, start, count):
    """Point to `count` numbers of an array from `start` on. Unlike an array a pointer costs no reference
    counting when passed around, but it keeps nothing alive. In checked mode it is an array nevertheless."""

    def emit(context, builder, signature, values):
        if CHECKED:
            part_of = lambda array, start, count: array.reshape(-1)[start : start + count]  # noqa: E731
            return context.compile_internal(builder, part_of, signature, values)
        data = context.make_array(array)(context, builder, values[0]).data
        return builder.gep(data, [values[1]])

    part = types.Array(array.dtype, 1, "C") if CHECKED else types.CPointer(array.dtype)
    return part(array, types.intp, types.intp), emit


@intrinsic
def skip(typing, part, count):
    """Point `count` numbers further on."""

    def emit(context, builder, signature, values):
        if CHECKED:
            return context.compile_internal(builder, lambda part, count: part[count:], signature, values)
        return builder.gep(values[0], [values[1]])

    return part(part, types.intp), emit


def _row(context, builder, signature, values):
    """Where a row of a part is; in checked mode parts are arrays."""
    part, row = values[:2]
    if CHECKED:
        array = context.make_array(signature.args[0])(context, builder, part)
        part, n_rows = array.data, builder.udiv(array.nitems, ir.Constant(row.type, WIDTH))
        with builder.if_then(builder.icmp_unsigned(">=", row, n_rows), likely=False):
            context.call_conv.return_user_exc(builder, IndexError, ("row outside its part of the memory",))
    offset = builder.mul(row, ir.Constant(row.type, WIDTH))
    return builder.bitcast(builder.gep(part, [offset]), VECTOR.as_pointer())


@intrinsic
def load(typing, rows, row):
    """Read the lanes at rows[WIDTH * row]."""

    def emit(context, builder, signature, values):
        return builder.load(_row(context, builder, signature, values), align=8)

    return LANES(rows, types.intp), emit


@intrinsic
def store(typing, rows, row, value):
    """Write lanes (or a float, to all lanes) at rows[WIDTH * row]."""

    def emit(context, builder, signature, values):
        wide = _widen(builder, values[2], signature.args[2])
        builder.store(wide, _row(context, builder, signature, values), align=8)
        return context.get_dummy_value()

    return types.none(rows, types.intp, value), emit


@intrinsic
def select_less(typing, x, y, if_less, otherwise):
    """Take `if_less` in the lanes where x < y, else `otherwise`."""

    def emit(context, builder, signature, values):
        x, y, yes, no = (_widen(builder, *pair) for pair in zip(values, signature.args, strict=True))
        return builder.select(builder.fcmp_ordered("<", x, y), yes, no)

    return LANES(x, y, if_less, otherwise), emit


@intrinsic
def root(typing, x):
    """Take the square root."""

    def emit(context, builder, signature, values):
        kind = ir.FunctionType(VECTOR, [VECTOR])
        sqrt = cgutils.get_or_insert_function(builder.module, kind, f"llvm.sqrt.v{WIDTH}f64")
        return builder.call(sqrt, values)

    return LANES(x), emit


@intrinsic
def shift_exponent(typing, x, shifted):
    """Multiply x by 2**k, where `shifted` is the integer k plus SHIFT."""

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
