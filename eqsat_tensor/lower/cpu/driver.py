"""What every compiled program shares: the walk over its steps, and the folds of partial results.

A *kernel* is ``void (ptr argument, i64 begin, i64 end)``: it does the units begin <= i < end of
its first axis.  A *step* is five i64 words: address of the kernel, address of its argument, units,
chunks, minus alignment.  A step with more than one chunk is cut into that many pieces, their bounds
rounded down to the alignment (a power of two, in units), and run by the pool.  A program is an
array of steps, so no code is generated to call kernels.

`group` is itself a kernel: it runs several kernels in turn on one block of units after another, so
that a later one finds in cache what an earlier one left there.  Its argument: the number of
members, then for each its kernel, argument, units, and units a block.

`fold_address` gives kernels that combine partial results.  Their argument: address of the partials
(an array [count, width]), count, width, address of the result (an array [width]); their units are
columns.  The order of combination depends on count alone: rows are added in 8 interleaved sums,
64 rows a leaf, and leaves are combined as a binary tree.  So the same bits come out whatever the
number of threads, and the error grows with the logarithm of count.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING

from eqsat_tensor.lower.cpu import jit, pool

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STEP_WORDS = 5

_LANES = 8  # columns folded at once; the rest one by one, in the same order of rows
_ROWS = 8  # interleaved sums of a leaf
_LEAF = 64  # rows of a leaf

# dtype -> (LLVM type, suffix of intrinsics); a bool is a byte that is 0 or 1.
_TYPES = {
    "float64": ("double", "f64"),
    "float32": ("float", "f32"),
    "bool": ("i8", "i8"),
} | {f"{sign}int{bits}": (f"i{bits}", f"i{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)}
_LOWEST, _HIGHEST = "0xFFF0000000000000", "0x7FF0000000000000"  # -inf and inf, of any float type
# A sum starts at -0.0, which leaves every value as it is; that of nothing is 0.0 all the same.
_FLOAT = {"sum": "-0.0", "prod": "1.0", "max": _LOWEST, "min": _HIGHEST}
_IDENTITIES = {
    "float64": _FLOAT,
    "float32": _FLOAT,
    "bool": {"or": "0", "and": "1", "max": "0", "min": "1"},
}
for _bits in (8, 16, 32, 64):
    _sums = {"sum": "0", "prod": "1"}
    _half = 2 ** (_bits - 1)
    _IDENTITIES[f"int{_bits}"] = _sums | {"max": str(-_half), "min": str(_half - 1)}
    _IDENTITIES[f"uint{_bits}"] = _sums | {"max": "0", "min": str(2 * _half - 1)}


def _extremum(op: str, dtype: str) -> str:
    """The intrinsic of a maximum or minimum; NaN wins over all."""
    if dtype.startswith("float"):
        return {"max": "maximum", "min": "minimum"}[op]
    return f"{'u' if dtype.startswith('u') else 's'}{op}"


def _combine(op: str, dtype: str, a: str, b: str, lanes: int) -> str:
    """The instruction that combines two values; NaN wins over all in max and min."""
    scalar, suffix = _TYPES[dtype]
    kind = scalar if lanes == 1 else f"<{lanes} x {scalar}>"
    floating = dtype.startswith("float")
    if dtype == "bool":
        return f"{'or' if op in ('or', 'max') else 'and'} {kind} {a}, {b}"
    if op in ("sum", "prod"):
        word = {"sum": "add", "prod": "mul"}[op]
        return f"{'f' if floating else ''}{word} {kind} {a}, {b}"
    word = _extremum(op, dtype)
    shape = suffix if lanes == 1 else f"v{lanes}{suffix}"
    return f"call {kind} @llvm.{word}.{shape}({kind} {a}, {kind} {b})"


def _strip_text(op: str, dtype: str, lanes: int) -> str:
    """``strip(partials of the first column, count, width, result)``: `lanes` columns at once."""
    scalar, _ = _TYPES[dtype]
    kind = scalar if lanes == 1 else f"<{lanes} x {scalar}>"
    align = {"double": 8, "i64": 8, "float": 4, "i32": 4, "i16": 2, "i8": 1}[scalar]
    rows = range(_ROWS)

    def combine(a: str, b: str) -> str:
        return _combine(op, dtype, a, b, lanes)

    def load(to: str, row: str) -> str:
        return (
            f"  {to}.o = mul i64 {row}, %width\n"
            f"  {to}.p = getelementptr {scalar}, ptr %part, i64 {to}.o\n"
            f"  {to} = load {kind}, ptr {to}.p, align {align}\n"
        )

    loads = "".join(f"  %r{i} = add i64 %at, {i}\n" + load(f"%x{i}", f"%r{i}") for i in rows)
    sums = "".join(f"  %a{i}.next = {combine(f'%a{i}', f'%x{i}')}\n" for i in rows)
    tree, names = "", [f"%a{i}" for i in rows]
    while len(names) > 1:
        pairs = [f"%t{len(names)}.{i}" for i in range(len(names) // 2)]
        for i, pair in enumerate(pairs):
            tree += f"  {pair} = {combine(names[2 * i], names[2 * i + 1])}\n"
        names = pairs
    start = empty = _IDENTITIES[dtype][op]
    if start == "-0.0":
        empty = "0.0"
    if lanes > 1:
        start, empty = (f"<{', '.join([f'{scalar} {v}'] * lanes)}>" for v in (start, empty))
    phis = "".join(f"  %a{i} = phi {kind} [{start}, %leaf], [%a{i}.next, %eight]\n" for i in rows)
    return f"""
define internal void @strip{lanes}(ptr %part, i64 %count, i64 %width, ptr %to) {{
entry:
  %stack = alloca [64 x {kind}], align 64
  br label %leaf
leaf:
  ; leaf number %number; its rows start at %row
  %number = phi i64 [0, %entry], [%number.next, %pushed]
  %row = phi i64 [0, %entry], [%row.next, %pushed]
  %left = sub i64 %count, %row
  %big = icmp sgt i64 %left, {_LEAF}
  %rows = select i1 %big, i64 {_LEAF}, i64 %left
  %row.next = add i64 %row, %rows
  %eights = and i64 %rows, -{_ROWS}
  %eights.end = add i64 %row, %eights
  br label %eights.head
eights.head:
  %at = phi i64 [%row, %leaf], [%at.next, %eight]
{phis}  %eights.more = icmp slt i64 %at, %eights.end
  br i1 %eights.more, label %eight, label %eights.done
eight:
{loads}{sums}  %at.next = add i64 %at, {_ROWS}
  br label %eights.head
eights.done:
{tree}  br label %tail.head
tail.head:
  %tail = phi i64 [%eights.end, %eights.done], [%tail.next, %tail.one]
  %sum = phi {kind} [{names[0]}, %eights.done], [%sum.next, %tail.one]
  %tail.more = icmp slt i64 %tail, %row.next
  br i1 %tail.more, label %tail.one, label %carry.head
tail.one:
{load("%y", "%tail")}  %sum.next = {combine("%sum", "%y")}
  %tail.next = add i64 %tail, 1
  br label %tail.head
carry.head:
  ; as adding 1 to a binary number: a set bit of %number is a finished subtree of that height
  %level = phi i64 [0, %tail.head], [%level.next, %carry]
  %tree = phi {kind} [%sum, %tail.head], [%tree.next, %carry]
  %bits = lshr i64 %number, %level
  %bit = and i64 %bits, 1
  %full = icmp eq i64 %bit, 1
  br i1 %full, label %carry, label %push
carry:
  %height = getelementptr {kind}, ptr %stack, i64 %level
  %below = load {kind}, ptr %height
  %tree.next = {combine("%below", "%tree")}
  %level.next = add i64 %level, 1
  br label %carry.head
push:
  %place = getelementptr {kind}, ptr %stack, i64 %level
  store {kind} %tree, ptr %place
  br label %pushed
pushed:
  %number.next = add i64 %number, 1
  %more = icmp slt i64 %row.next, %count
  br i1 %more, label %leaf, label %finish
finish:
  ; what is left on the stack, from the lowest subtree up
  %lowest = call i64 @llvm.cttz.i64(i64 %number.next, i1 true)
  %lowest.at = getelementptr {kind}, ptr %stack, i64 %lowest
  %lowest.value = load {kind}, ptr %lowest.at
  %after = add i64 %lowest, 1
  br label %rest
rest:
  %h = phi i64 [%after, %finish], [%h.next, %rest.done]
  %total = phi {kind} [%lowest.value, %finish], [%total.next, %rest.done]
  %higher = lshr i64 %number.next, %h
  %any = icmp ne i64 %higher, 0
  br i1 %any, label %rest.look, label %out
rest.look:
  %here = and i64 %higher, 1
  %set = icmp eq i64 %here, 1
  br i1 %set, label %rest.add, label %rest.done
rest.add:
  %rest.at = getelementptr {kind}, ptr %stack, i64 %h
  %rest.value = load {kind}, ptr %rest.at
  %added = {combine("%rest.value", "%total")}
  br label %rest.done
rest.done:
  %total.next = phi {kind} [%total, %rest.look], [%added, %rest.add]
  %h.next = add i64 %h, 1
  br label %rest
out:
  %nothing = icmp eq i64 %count, 0
  %result = select i1 %nothing, {kind} {empty}, {kind} %total
  store {kind} %result, ptr %to, align {align}
  ret void
}}
"""


def fold_text(op: str, dtype: str) -> str:
    """The module of one fold, with the kernel ``fold``."""
    scalar, suffix = _TYPES[dtype]
    declared = "declare i64 @llvm.cttz.i64(i64, i1)\n"
    if dtype != "bool" and op in ("max", "min"):
        word = _extremum(op, dtype)
        for kind, shape in ((scalar, suffix), (f"<{_LANES} x {scalar}>", f"v{_LANES}{suffix}")):
            declared += f"declare {kind} @llvm.{word}.{shape}({kind}, {kind})\n"
    strips = _strip_text(op, dtype, _LANES) + _strip_text(op, dtype, 1)
    return f"""{declared}{strips}
define void @fold(ptr %argument, i64 %begin, i64 %end) {{
entry:
  %part = load ptr, ptr %argument
  %count.at = getelementptr i64, ptr %argument, i64 1
  %count = load i64, ptr %count.at
  %width.at = getelementptr i64, ptr %argument, i64 2
  %width = load i64, ptr %width.at
  %to.at = getelementptr i64, ptr %argument, i64 3
  %to = load ptr, ptr %to.at
  br label %head
head:
  %j = phi i64 [%begin, %entry], [%wide.end, %wide], [%j.one, %narrow]
  %wide.end = add i64 %j, {_LANES}
  %j.one = add i64 %j, 1
  %from.j = getelementptr {scalar}, ptr %part, i64 %j
  %to.j = getelementptr {scalar}, ptr %to, i64 %j
  %fits = icmp sle i64 %wide.end, %end
  br i1 %fits, label %wide, label %rest
wide:
  call void @strip{_LANES}(ptr %from.j, i64 %count, i64 %width, ptr %to.j)
  br label %head
rest:
  %any = icmp slt i64 %j, %end
  br i1 %any, label %narrow, label %out
narrow:
  call void @strip1(ptr %from.j, i64 %count, i64 %width, ptr %to.j)
  br label %head
out:
  ret void
}}
"""


@cache
def fold_address(op: str, dtype: str) -> int:
    """The kernel that folds partials of `dtype` by `op`.

    op: "sum", "prod", "max", "min" for float64, float32 and all integers; "or", "and", "max", "min"
    for bool (bytes 0 and 1).  Folding no partial gives the identity of `op`.
    """
    assert op in _IDENTITIES[dtype], (op, dtype)
    return jit.load([jit.stored_object(fold_text(op, dtype), jit.GLUE_LEVEL)], ["fold"])["fold"]


@cache
def _drive_addresses() -> dict[str, int]:
    return jit.load(
        [jit.stored_object(jit.source("driver.ll"), jit.GLUE_LEVEL)], ["drive", "group"]
    )


def group_address() -> int:
    """The kernel that runs member kernels in turn, block by block."""
    return _drive_addresses()["group"]


def drive_address() -> int:
    """Address of ``void drive(ptr steps, i64 count, ptr pool, ptr pfor)``."""
    return _drive_addresses()["drive"]


def drive(steps: NDArray[np.int64]) -> None:
    """Run steps, an array [count, 5], without the GIL; the slow way in, for tests and tools."""
    assert steps.flags.c_contiguous, steps.flags
    assert steps.shape[1:] == (STEP_WORDS,), steps.shape
    if len(steps) and steps[:, 3].max() > 1:
        pool.pool().start()
    word = ctypes.c_void_p
    call = ctypes.CFUNCTYPE(None, word, ctypes.c_int64, word, word)(drive_address())
    call(steps.ctypes.data, len(steps), pool.state_address(), pool.pfor_address())
