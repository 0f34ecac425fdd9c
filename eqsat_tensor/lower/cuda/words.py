"""The scalar vocabulary as CUDA C text: a table word -> expression, for each family of dtypes.

add, float64:  ({0} + {1})        add, int32:  eq_add_i({0}, {1}), which wraps
add, float16:  eq_narrow((eq_wide(a) + eq_wide(b))), computed as a float and rounded

What begins with ``eq_`` stands in ``include/eqsat_words.h``; the rest is CUDA's own mathematics,
whose largest errors are in the appendix of the CUDA C++ Programming Guide.  Words that are functions
of `scipy.special` and that CUDA has not are in no table: `covers` tells.
"""

from __future__ import annotations

import struct

import numpy as np

from eqsat_tensor.errors import UnsupportedError
from eqsat_tensor.scalar import PRIMITIVES

TYPES = {
    "float64": "double",
    "float32": "float",
    "float16": "eq_half",
    "bool": "bool",
    **{f"{sign}int{bits}": f"eq_{sign or 'i'}{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}  # fmt: skip

_COMPARISONS = {
    "equal": "({0} == {1})",
    "not_equal": "({0} != {1})",
    "less": "({0} < {1})",
    "less_equal": "({0} <= {1})",
    "greater": "({0} > {1})",
    "greater_equal": "({0} >= {1})",
}
_SAME_NAME = """
    exp expm1 log log1p sin cos tan tanh erf erfc floor ceil trunc exp2 log2 log10 cbrt sinh cosh
    sqrt rint
"""
_RENAMED = {
    "absolute": "fabs",
    "arctan": "atan",
    "arcsin": "asin",
    "arccos": "acos",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
}
_OWN = """
    sign sigmoid softplus log1mexp isfinite signbit spacing mantissa exponent
"""
_OWN_OF_TWO = "maximum minimum fmax fmin floor_divide remainder ldexp shifted_exp"
_OF_TWO = {
    "power": "pow",
    "hypot": "hypot",
    "arctan2": "atan2",
    "copysign": "copysign",
    "nextafter": "nextafter",
    "fmod": "fmod",
}
# Functions of `scipy.special` that CUDA has; of float32 in float64, as the CPU computes them.
_SPECIAL = {
    "gammaln": "eq_gammaln",
    "gamma": "tgamma",
    **{word: f"eq_{word}" for word in ("j0", "j1", "y0", "y1")},
}

_FLOAT = {
    **_COMPARISONS,
    "add": "({0} + {1})",
    "subtract": "({0} - {1})",
    "multiply": "({0} * {1})",
    "divide": "({0} / {1})",
    "negative": "(-{0})",
    "square": "({0} * {0})",
    "reciprocal": "(1 / {0})",
    "isnan": "({0} != {0})",
    **{word: f"{word}({{0}})" for word in _SAME_NAME.split()},
    **{word: f"{name}({{0}})" for word, name in _RENAMED.items()},
    **{word: f"eq_{word}_f({{0}})" for word in _OWN.split()},
    **{word: f"eq_{word}_f({{0}}, {{1}})" for word in _OWN_OF_TWO.split()},
    **{word: f"{name}({{0}}, {{1}})" for word, name in _OF_TWO.items()},
    **{word: f"{name}((double){{0}})" for word, name in _SPECIAL.items()},
}
_INT = {
    **_COMPARISONS,
    "isfinite": "true",
    "isnan": "false",
    "bitwise_and": "({0} & {1})",
    "bitwise_or": "({0} | {1})",
    "bitwise_xor": "({0} ^ {1})",
    "bitwise_not": "(~{0})",
    "square": "eq_multiply_i({0}, {0})",
    **{word: f"eq_{word}_i({{0}})" for word in ("negative", "absolute", "sign", "bitwise_count")},
    **{
        word: f"eq_{word}_i({{0}}, {{1}})"
        for word in (
            "add", "subtract", "multiply", "maximum", "minimum", "floor_divide", "remainder",
            "fmod", "power", "left_shift", "right_shift", "gcd", "lcm",
        )
    },
}  # fmt: skip
_BOOL = {
    **_COMPARISONS,
    "logical_and": "({0} && {1})",
    "logical_or": "({0} || {1})",
    "logical_xor": "({0} != {1})",
    "logical_not": "(!{0})",
    "maximum": "({0} || {1})",
    "minimum": "({0} && {1})",
    "add": "({0} || {1})",
    "multiply": "({0} && {1})",
    "bitwise_and": "({0} && {1})",
    "bitwise_or": "({0} || {1})",
    "bitwise_xor": "({0} != {1})",
    "bitwise_not": "(!{0})",
}
# Halves have these words on their own bits; the others they have as floats.
_HALF = {
    "nextafter": "eq_half_nextafter({0}, {1})",
    "spacing": "eq_half_spacing({0})",
}
TABLES = {"f": _FLOAT, "i": _INT, "u": _INT, "b": _BOOL}


def covers(word: str, dtype: np.dtype) -> bool:
    """Has the word a text on operands of this dtype?"""
    return word in ("select", "cast", "keep") or word in TABLES.get(dtype.kind, {})


def word_text(word: str, dtype: np.dtype, operands: list[str]) -> str:
    """The expression of a word on operands of a dtype.  Raises UnsupportedError where it has none."""
    if not covers(word, dtype):
        hint = "Compile it for the CPU, or compute it on the host."
        raise UnsupportedError(f"cuda: no primitive {word!r} for {dtype}. {hint}")
    if word == "keep":  # no rounding is fused across anything (-fmad=false)
        return operands[0]
    if word == "select":
        return "({} ? {} : {})".format(*operands)
    if dtype == np.float16:
        if word in _HALF:
            return _HALF[word].format(*operands)
        text = _FLOAT[word].format(*(f"eq_wide({x})" for x in operands))
        known = PRIMITIVES.get(word)
        return text if known and known.result == "bool" else f"eq_narrow({text})"
    return TABLES[dtype.kind][word].format(*operands)


def cast_text(text: str, source: np.dtype, target: np.dtype) -> str:
    """A value converted, as NumPy's astype; floats that an integer type does not hold saturate."""
    return text if source == target else f"eq_cast<{TYPES[target.name]}>({text})"


def literal_text(value: object, dtype: np.dtype) -> str:
    """A number exactly as the dtype holds it."""
    name = dtype.name
    if dtype.kind == "b":
        return "true" if value else "false"
    if dtype.kind in "iu":
        number = int(value)  # type: ignore[call-overload]
        suffix = "ull" if name == "uint64" else "ll" if name == "int64" else ""
        if number == -(2**63):
            return "eq_lowest<eq_i64>()"
        return f"(({TYPES[name]}){number}{suffix})"
    with np.errstate(over="ignore"):
        exact = np.asarray(value, dtype)
    if dtype == np.float16:
        return f"eq_half{{0x{int(exact.view(np.uint16)):04x}}}"
    if not np.isfinite(exact):
        if name == "float32":
            return f"eq_float_of(0x{struct.unpack('<I', exact.tobytes())[0]:08x}u)"
        return f"eq_double_of(0x{struct.unpack('<Q', exact.tobytes())[0]:016x}ull)"
    suffix = "f" if name == "float32" else ""
    number_text = repr(float(exact)) if name == "float64" else repr(float(str(exact)))
    if float(exact).is_integer() and abs(float(exact)) < 1e15:
        return f"{'-' if np.signbit(exact) else ''}{abs(int(exact))}.0{suffix}"
    if name == "float32" and np.float32(float(number_text)) != exact:
        number_text = float(exact).hex()
    return f"{number_text}{suffix}"
