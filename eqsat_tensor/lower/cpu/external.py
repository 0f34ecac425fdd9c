"""Words of the vocabulary that are functions of `scipy.special`: called for each element.

    gammaln(x)   ->   call <8 x double> @eqsat_gammaln_v8f64(<8 x double> %x), an internal function
                      that calls @scipy.special.cython_special.gammaln for each lane

The functions are external symbols; `scipy_functions.scipy_symbols` finds their addresses when a
program is loaded.  float32 operands are computed in float64 and rounded, as most of SciPy's own
float32 loops do.  No lane is left out: what a function makes of the lanes that are masked off is
not read, and SciPy's functions take any argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eqsat_tensor.lower.cpu.builder import OutlinedFunction, Rule, VectorBuilder
from eqsat_tensor.scalar import PRIMITIVES

PREFIX = "scipy.special."
CAPSULES = "cython_special"  # the module whose functions have C types: (double, ..., int) -> double


def symbols_of(declared: Iterable[str]) -> tuple[str, ...]:
    """The symbols among those declared that SciPy has to supply."""
    return tuple(sorted(name for name in declared if name.startswith(PREFIX)))


def external(name: str) -> Rule:
    """The rule of an external word."""
    path = PRIMITIVES[name].external
    emit = _each_lane if path.startswith(CAPSULES) else _whole_loop

    def rule(b: VectorBuilder, *operands: str) -> str:
        letters = [f"%{letter}" for letter in "abc"[: len(operands)]]
        return b.outlined(name, operands, lambda function: emit(function, PREFIX + path, letters))

    return rule


def _each_lane(function: OutlinedFunction, symbol: str, operands: Sequence[str]) -> None:
    """``double symbol(double, ..., int)`` of each lane."""
    b = function.builder
    types = ", ".join(["double"] * len(operands))
    b.declared[symbol] = f"declare double @{symbol}({types}, i32)"
    result = "poison"
    for lane in range(b.lanes or 1):
        values = [_element(b, x, lane) for x in operands]
        given = ", ".join(f"double {_converted(b, 'fpext', x)}" for x in values)
        value = b.emit(f"call double @{symbol}({given}, i32 0)")
        value = _converted(b, "fptrunc", value)
        if not b.lanes:
            result = value
        else:
            place = f"{b.type} {result}, {b.scalar} {value}, i64 {lane}"
            result = b.emit(f"insertelement {place}")
    function.line(f"ret {b.type} {result}")


def _element(b: VectorBuilder, x: str, lane: int) -> str:
    return b.emit(f"extractelement {b.type} {x}, i64 {lane}") if b.lanes else x


def _converted(b: VectorBuilder, operation: str, x: str) -> str:
    """Between this dtype and float64, one element."""
    if b.scalar == "double":
        return x
    kinds = (b.scalar, "double") if operation == "fpext" else ("double", b.scalar)
    return b.emit(f"{operation} {kinds[0]} {x} to {kinds[1]}")


def _whole_loop(function: OutlinedFunction, symbol: str, operands: Sequence[str]) -> None:
    """A ufunc's inner loop on the lanes, for what SciPy offers as a ufunc only.

    ``void loop(char **arrays, const intptr_t *length, const intptr_t *strides, void *data)``; the
    ufunc's data for that loop is a symbol too.
    """
    b = function.builder
    double, length = b.of("float64"), b.lanes or 1
    loop, data = f"{symbol}.loop", f"{symbol}.data"
    b.declared[loop] = f"declare void @{loop}(ptr, ptr, ptr, ptr)"
    b.declared[data] = f"@{data} = external global i8"
    count = len(operands) + 1
    for k in range(count):
        function.line(f"%p{k} = alloca [{length} x double], align 64")
    function.line(f"%pointers = alloca [{count} x ptr]")
    function.line("%length = alloca i64")
    function.line(f"%strides = alloca [{count} x i64]")
    function.line(f"store i64 {length}, ptr %length")
    for k in range(count):
        for table, kind, value in (("pointers", "ptr", f"%p{k}"), ("strides", "i64", "8")):
            function.line(f"%{table}{k} = getelementptr {kind}, ptr %{table}, i64 {k}")
            function.line(f"store {kind} {value}, ptr %{table}{k}")
    for k, x in enumerate(operands):
        function.line(f"store {double.type} {double.cast(x, b)}, ptr %p{k}, align 8")
    function.line(f"call void @{loop}(ptr %pointers, ptr %length, ptr %strides, ptr @{data})")
    function.line(f"%result = load {double.type}, ptr %p{count - 1}, align 8")
    function.line(f"ret {b.type} {b.cast('%result', double)}")


EXTERNALS = {name: external(name) for name, word in PRIMITIVES.items() if word.external}
