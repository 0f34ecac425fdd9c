"""`VectorBuilder`: LLVM IR instructions on vectors or scalars of one dtype, one value at a time.

In: names of SSA values and a callback that appends an instruction.  Out: names of SSA values.
The functions of the vocabulary are in `vecmath`, which enters them here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, TypeAlias

import numpy as np

from eqsat_tensor.errors import UnsupportedError
from eqsat_tensor.lower.cpu import coefficients as table
from eqsat_tensor.scalar import PRIMITIVES

Dtype: TypeAlias = "np.dtype[Any]"
Rule: TypeAlias = Callable[..., str]  # of a VectorBuilder and operands

COMPARISONS = {
    "equal": ("oeq", "eq"),
    "not_equal": ("une", "ne"),
    "less": ("olt", "lt"),
    "less_equal": ("ole", "le"),
    "greater": ("ogt", "gt"),
    "greater_equal": ("oge", "ge"),
}

_PURE = "nounwind willreturn memory(none)"

_SCALARS = {
    "float64": ("double", "f64"),
    "float32": ("float", "f32"),
    "float16": ("half", "f16"),
    "bool": ("i1", "i1"),
} | {f"{sign}int{bits}": (f"i{bits}", f"i{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)}


@dataclass(frozen=True)
class Format:
    """What the algorithms need to know of a binary floating-point format."""

    integer: str  # dtype of the same width
    fraction: int  # stored bits of the significand
    bias: int  # of the exponent
    exp_range: tuple[float, float]  # beyond, exp is 0 or inf
    expm1_low: float  # below, expm1 is -1
    tanh_high: float  # above, tanh is 1
    erf_high: float  # above, erf is 1
    erfc_high: float  # above, erfc is 0
    cut: int  # low bits to clear, so that a square is exact
    sqrt_half: int  # bits of sqrt(1/2)
    ln2: tuple[float, float]
    half_pi: tuple[float, float]

    @property
    def magic(self) -> float:
        """Added to a small number, leaves its nearest integer in the low bits."""
        return 1.5 * 2.0**self.fraction

    @property
    def tiny(self) -> float:
        """Smallest normal number."""
        return 2.0 ** (1 - self.bias)

    @property
    def negligible(self) -> float:
        """x below it: f(x) = x for every f with f(x) = x + O(x^2)."""
        return 2.0 ** -(self.fraction + 3)


# fmt: off
FORMATS = {
    "float64": Format("int64", 52, 1023, (-746.0, 710.0), -40.0, 22.0, 6.0, 28.0, 27,
                       0x3FE6A09E667F3BCD, table.LN2_FLOAT64, table.HALF_PI_DOUBLES),
    "float32": Format("int32", 23, 127, (-105.0, 89.0), -20.0, 10.0, 4.0, 10.6, 12,
                       0x3F3504F3, table.LN2_FLOAT32, table.HALF_PI_SINGLES),
}
# fmt: on


@cache
def _float_text(dtype: str, double: bytes) -> str:
    """LLVM's literal of a float64, given by its bytes (0 and -0 differ), rounded to `dtype`."""
    value: float = struct.unpack("<d", double)[0]
    if dtype == "float16":
        with np.errstate(over="ignore"):
            return f"0xH{int(np.float16(value).view(np.uint16)):04X}"
    if dtype == "float32":
        with np.errstate(over="ignore"):
            value = float(np.float32(value))
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


class VectorBuilder:
    """Emits the vocabulary on `<lanes x dtype>`; lanes=0 means scalars.

    emit: appends ``%name = text`` and returns the name.  Equal texts may share a name: all texts
        emitted here are pure.
    contract: whether add, subtract and multiply may be fused with one another.
    declared: module-level text by symbol, filled at emission: ``declare`` lines of intrinsics and
        libm, and internal functions.  Share one among the builders of a module.
    """

    # dtype -> primitive -> rule; `vecmath` fills it
    vocabulary: ClassVar[dict[str, dict[str, Rule]]] = {}

    def __init__(
        self,
        emit: Callable[[str], str],
        dtype: Dtype,
        lanes: int,
        contract: bool = True,
        declared: dict[str, str] | None = None,
    ) -> None:
        self.emit = emit
        self.dtype: Dtype = np.dtype(dtype)
        self.name: str = self.dtype.name  # asked often, and slow to make
        self.lanes = lanes
        self.contract = contract
        self.declared: dict[str, str] = {} if declared is None else declared
        if self.name not in _SCALARS:
            raise UnsupportedError(
                f"VectorBuilder: needs a dtype of {', '.join(_SCALARS)}; got {self.dtype}."
            )
        self.scalar, short = _SCALARS[self.name]
        self.type = self._widened(self.scalar)
        self.mask = self._widened("i1")
        self.suffix = f"v{lanes}{short}" if lanes else short
        self._others: dict[str, VectorBuilder] = {}

    # ------------------------------------------------------------------------- the contract
    def apply(self, primitive: str, *operands: str) -> str:
        """Value of a primitive; all operands are of this builder (select: first a mask)."""
        if primitive in COMPARISONS:
            return self.compare(primitive, *operands)
        if primitive == "select":
            return self.select(*operands)
        if self.name == "float16" and primitive not in self.vocabulary[self.name]:
            return self.through_single(primitive, *operands)
        rule = self.vocabulary[self.name].get(primitive)
        if rule is None:
            raise UnsupportedError(
                f"cpu: no primitive {primitive!r} for {self.dtype}; has "
                f"{', '.join(sorted(self.vocabulary[self.name]))}."
            )
        return rule(self, *operands)

    def call(self, primitive: str, *operands: str) -> str:
        """As `apply`, by a function that stands in the module once."""

        def body(function: OutlinedFunction) -> None:
            inner = function.builder
            result = inner.apply(primitive, *("%a", "%b", "%c")[: len(operands)])
            function.line(f"ret {inner.type} {result}")

        fused = "" if self.contract else "_apart"
        return self.outlined(f"call_{primitive}{fused}", operands, body)

    def through_single(self, primitive: str, *operands: str) -> str:
        """A primitive of halves: computed in float32, as NumPy does, and rounded."""
        single = self.single
        result = single.apply(primitive, *(single.cast(x, self) for x in operands))
        known = PRIMITIVES.get(primitive)
        return result if known and known.result == "bool" else self.cast(result, single)

    def constant(self, value: float) -> str:
        """`value` in every lane, exactly as the dtype holds it."""
        if self.dtype.kind == "f":
            text = _float_text(self.name, struct.pack("<d", value))
        elif self.dtype.kind == "b":
            text = "true" if value else "false"
        else:
            text = str(int(value))
        return f"splat ({self.scalar} {text})" if self.lanes else text

    def splat(self, scalar: str) -> str:
        """The scalar value in every lane."""
        if not self.lanes:
            return scalar
        one = self.emit(f"insertelement {self.type} poison, {self.scalar} {scalar}, i64 0")
        return self.emit(
            f"shufflevector {self.type} {one}, {self.type} poison,"
            f" <{self.lanes} x i32> zeroinitializer"
        )

    def select(self, mask: str, a: str, b: str) -> str:
        """`a` where the mask is set, else `b`."""
        return self.emit(f"select {self.mask} {mask}, {self.type} {a}, {self.type} {b}")

    def compare(self, op: str, a: str, b: str) -> str:
        """Mask of ``a op b``, op of `COMPARISONS`; with a NaN only not_equal holds."""
        if self.name == "float16":
            single = self.single
            return single.compare(op, single.cast(a, self), single.cast(b, self))
        ordered, plain = COMPARISONS[op]
        if self.dtype.kind == "f":
            return self.emit(f"fcmp {ordered} {self.type} {a}, {b}")
        sign = "" if plain in ("eq", "ne") else "s" if self.dtype.kind == "i" else "u"
        return self.emit(f"icmp {sign}{plain} {self.type} {a}, {b}")

    def cast(self, value: str, source: VectorBuilder) -> str:
        """`value` of the builder `source`, with as many lanes, converted to this dtype.

        As NumPy's astype; a float that the integer type does not hold saturates, NaN becomes 0.
        """
        assert source.lanes == self.lanes, (source.lanes, self.lanes)
        if source.dtype == self.dtype:
            return value
        if self.dtype.kind == "b":
            return source.compare("not_equal", value, source.constant(0))
        if "float16" in (self.name, source.name) and "float32" not in (self.name, source.name):
            return self._cast_of_half(value, source)
        kinds = source.dtype.kind + self.dtype.kind
        if kinds in ("fi", "fu"):
            return self._whole_part(value, source)
        if kinds == "ff":
            op = "fpext" if self.dtype.itemsize > source.dtype.itemsize else "fptrunc"
        elif self.dtype.kind == "f":
            op = "sitofp" if source.dtype.kind == "i" else "uitofp"
        elif source.dtype.kind == "b" or self.dtype.itemsize > source.dtype.itemsize:
            op = "sext" if source.dtype.kind == "i" else "zext"
        elif self.dtype.itemsize == source.dtype.itemsize:
            return value  # the same bits, read with a sign or without
        else:
            op = "trunc"
        return self.emit(f"{op} {source.type} {value} to {self.type}")

    def _whole_part(self, value: str, source: VectorBuilder) -> str:
        """Floats cut to these integers: those outside to the nearest, NaN to 0.

        In place of ``llvm.fptosi.sat``, which LLVM 22 does lane by lane: 100,000 float32 to int32
        take 131 us by it, and 11 so.
        """
        limits = np.iinfo(self.dtype)
        signed = self.dtype.kind == "i"
        low, high = source.constant(limits.min), source.constant(2.0 * (limits.max // 2 + 1))
        if 8 * self.dtype.itemsize <= source.format.fraction:  # the limits are floats
            value = source.at_most(source.at_least(value, limits.min), limits.max)
            safe = source.select(source.test("ord", value, value), value, source.constant(0))
            if self.dtype.itemsize == 4:
                return self.emit(
                    f"fpto{'si' if signed else 'ui'} {source.type} {safe} to {self.type}"
                )
            whole = self.of("int32")
            cut = whole.emit(f"fptosi {source.type} {safe} to {whole.type}")
            return self.emit(f"trunc {whole.type} {cut} to {self.type}")
        above = source.test("oge", value, high)
        inside = source.both("and", source.test("oge", value, low), source.test("olt", value, high))
        safe = source.select(inside, value, source.constant(0))
        whole_ = self.emit(f"fpto{'si' if signed else 'ui'} {source.type} {safe} to {self.type}")
        whole_ = self.select(above, self.constant(limits.max), whole_)
        if not signed:
            return whole_
        return self.select(source.test("olt", value, low), self.constant(limits.min), whole_)

    def _cast_of_half(self, value: str, source: VectorBuilder) -> str:
        """A cast between float16 and what is not float32: by way of float32.

        Integers are rounded twice, as by NumPy.  A float64 is rounded once: float32 takes it rounded
        to an odd significand where it is not exact, which no rounding to half mistakes for a tie.
        """
        single = self.single
        if source.name != "float64":
            return self.cast(single.cast(value, source), single)
        wide = source.of("float64")
        near = single.emit(f"fptrunc {source.type} {value} to {single.type}")
        back = wide.cast(near, single)
        bits, words = single.to_bits(near), single.integers
        one = words.constant(1)
        even = words.compare("equal", words.binary("and", bits, one), words.constant(0))
        larger = wide.test("ogt", wide.intrinsic("fabs", back), wide.intrinsic("fabs", value))
        odd = words.select(larger, words.binary("sub", bits, one), words.binary("or", bits, one))
        inexact = self.both("and", even, wide.test("one", back, value))
        return self.cast(single.from_bits(words.select(inexact, odd, bits)), single)

    # ------------------------------------------------- instructions, for the rules below
    def _widened(self, scalar: str) -> str:
        return f"<{self.lanes} x {scalar}>" if self.lanes else scalar

    def of(self, dtype: str) -> VectorBuilder:
        """A builder of another dtype at the same place."""
        if dtype not in self._others:
            self._others[dtype] = VectorBuilder(
                self.emit, np.dtype(dtype), self.lanes, self.contract, self.declared
            )
        return self._others[dtype]

    @property
    def single(self) -> VectorBuilder:
        """The builder of float32 that halves are computed in: nothing is fused across a rounding."""
        if "single" not in self._others:
            self._others["single"] = VectorBuilder(
                self.emit, np.dtype("float32"), self.lanes, False, self.declared
            )
        return self._others["single"]

    @property
    def format(self) -> Format:
        """Constants of this floating-point dtype."""
        return FORMATS[self.name]

    @property
    def integers(self) -> VectorBuilder:
        """The builder of integers as wide as these floats."""
        return self.of(self.format.integer)

    def binary(self, op: str, a: str, b: str) -> str:
        """An instruction of two operands, without flags."""
        return self.emit(f"{op} {self.type} {a}, {b}")

    def fadd(self, a: str, b: str) -> str:
        """a + b, never fused."""
        return self.binary("fadd", a, b)

    def fsub(self, a: str, b: str) -> str:
        """a - b, never fused."""
        return self.binary("fsub", a, b)

    def fmul(self, a: str, b: str) -> str:
        """a * b, never fused."""
        return self.binary("fmul", a, b)

    def fdiv(self, a: str, b: str) -> str:
        """a / b."""
        return self.binary("fdiv", a, b)

    def fneg(self, a: str) -> str:
        """-a."""
        return self.emit(f"fneg {self.type} {a}")

    def both(self, op: str, a: str, b: str) -> str:
        """and, or, xor of masks."""
        return self.emit(f"{op} {self.mask} {a}, {b}")

    def intrinsic(self, name: str, *operands: str, flag: str = "") -> str:
        """``llvm.<name>`` of operands of this type; `flag`: a last immediate operand."""
        symbol = f"llvm.{name}.{self.suffix}"
        types = [self.type] * len(operands)
        texts = [f"{self.type} {x}" for x in operands]
        if flag:
            types.append(flag.split()[0])
            texts.append(flag)
        self.declared[symbol] = f"declare {self.type} @{symbol}({', '.join(types)})"
        return self.emit(f"call {self.type} @{symbol}({', '.join(texts)})")

    def fmuladd(self, a: str, b: str, c: str) -> str:
        """a * b + c, fused where the machine can."""
        return self.intrinsic("fmuladd", a, b, c)

    def test(self, predicate: str, a: str, b: str) -> str:
        """Mask of an fcmp, by LLVM's own predicate."""
        return self.emit(f"fcmp {predicate} {self.type} {a}, {b}")

    def at_most(self, a: str, bound: float) -> str:
        """The smaller of both; NaN stays."""
        limit = self.constant(bound)
        return self.select(self.test("ogt", a, limit), limit, a)

    def at_least(self, a: str, bound: float) -> str:
        """The larger of both; NaN stays."""
        limit = self.constant(bound)
        return self.select(self.test("olt", a, limit), limit, a)

    def to_bits(self, a: str) -> str:
        """The bits of a float, a value of `integers`."""
        return self.emit(f"bitcast {self.type} {a} to {self.integers.type}")

    def from_bits(self, a: str) -> str:
        """The float of such bits."""
        return self.emit(f"bitcast {self.integers.type} {a} to {self.type}")

    def polynomial(self, x: str, name: str, precision: str = "") -> str:
        """A polynomial of `coefficients`, by Horner's rule; `precision`: if not the dtype's."""
        first, *rest = table.POLYNOMIALS[name][precision or self.name]
        value = self.constant(first)
        for c in rest:
            value = self.fmuladd(value, x, self.constant(c))
        return value

    @property
    def yes(self) -> str:
        """The mask that is set everywhere."""
        return "splat (i1 true)" if self.lanes else "true"

    def any_lane(self, mask: str) -> str:
        """i1: whether the mask is set anywhere."""
        if not self.lanes:
            return mask
        symbol = f"llvm.vector.reduce.or.v{self.lanes}i1"
        self.declared[symbol] = f"declare i1 @{symbol}({self.mask})"
        return self.emit(f"call i1 @{symbol}({self.mask} {mask})")

    def outlined(
        self, name: str, operands: Sequence[str], body: Callable[[OutlinedFunction], None]
    ) -> str:
        """Call an internal function, of operands of this type named %a, %b, %c in its `body`."""
        symbol = f"eqsat_{name}_{self.suffix}"
        if symbol not in self.declared:
            function = OutlinedFunction(self)
            body(function)
            head = ", ".join(f"{self.type} %{letter}" for letter in "abc"[: len(operands)])
            self.declared[symbol] = (
                f"define internal {self.type} @{symbol}({head}) {_PURE} {{\n"
                + "\n".join(function.lines)
                + "\n}"
            )
        texts = ", ".join(f"{self.type} {x}" for x in operands)
        return self.emit(f"call {self.type} @{symbol}({texts})")


class OutlinedFunction:
    """The body of an outlined function: lines, and a builder that appends to them."""

    def __init__(self, outer: VectorBuilder) -> None:
        self.lines: list[str] = []
        self.known: dict[str, str] = {}
        self.builder = VectorBuilder(
            self.emit, outer.dtype, outer.lanes, outer.contract, outer.declared
        )

    def emit(self, text: str) -> str:
        """Append an instruction, or give the name of an equal one of this block."""
        if text not in self.known:
            self.known[text] = f"%v{len(self.lines)}"
            self.lines.append(f"  {self.known[text]} = {text}")
        return self.known[text]

    def line(self, text: str) -> None:
        """Append a line as it is."""
        self.lines.append(f"  {text}")

    def label(self, name: str) -> None:
        """Start a block; what only the last one knew is forgotten."""
        self.lines.append(f"{name}:")
        self.known.clear()
