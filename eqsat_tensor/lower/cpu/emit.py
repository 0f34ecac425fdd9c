"""`Plan` -> LLVM text, a kernel for each nest that differs from all others.

nest 0 map [n]                 define void @kernel0(ptr %argument, i64 %begin, i64 %end) {
  out0 = add(x, y)        ->     ... explicit vectors, main loop and masked tail ...
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.alike import Words, form_of, renamed
from eqsat_tensor.lower.cpu.inplace import write_call
from eqsat_tensor.lower.cpu.kernel import Setting, Written
from eqsat_tensor.lower.cpu.lines import METADATA, PAST_CACHES
from eqsat_tensor.lower.cpu.nests import write_kernel
from eqsat_tensor.lower.cpu.search import sought
from eqsat_tensor.lower.cpu.short import names_in_rows
from eqsat_tensor.lower.cpu.streams import never_read
from eqsat_tensor.schedule.loop_values import Call, Map, Pad, Value, View, operands_of, walk
from eqsat_tensor.schedule.loops import Nest, Plan

PRODUCTS, SUMS = ("multiply", "square"), ("add", "subtract")


@dataclass(frozen=True)
class Module:
    """The kernel of each nest ("" for calls), what each word of its argument holds, and the texts.

    parts: body of each kernel and what it declares.
    """

    kernels: tuple[str, ...]
    slots: tuple[tuple[tuple[Any, ...], ...], ...]
    parts: Mapping[str, tuple[str, Mapping[str, str]]]

    @property
    def names(self) -> list[str]:
        """The kernels, each once."""
        return sorted(self.parts)

    def alone(self, name: str) -> str:
        """The module of one kernel, called `jit.KERNEL`: equal texts are equal kernels."""
        body, declared = self.parts[name]
        return module_text(declared, {jit.KERNEL: body})

    @property
    def text(self) -> str:
        """All kernels in one module, to be read."""
        declared: dict[str, str] = {}
        for _, theirs in self.parts.values():
            declared |= theirs
        return module_text(declared, {name: body for name, (body, _) in self.parts.items()})


def module_text(declared: Mapping[str, str], kernels: Mapping[str, str]) -> str:
    """A module: what is declared, and kernels by name."""
    text = "\n".join(
        [
            *declared.values(),
            *(
                f"define void @{name}(ptr %argument, i64 %begin, i64 %end) {{\n{body}\n}}\n"
                for name, body in kernels.items()
            ),
        ]
    )
    return text + METADATA if PAST_CACHES in text else text


def emit(
    plan: Plan,
    contract: bool = True,
    vector_bytes: int | None = None,
    small: frozenset[str] = frozenset(),
) -> Module:
    """The module of a plan.

    contract: whether a * b + c may be one operation.  vector_bytes: width of the machine's vector
    registers; that of this machine by default.  small: names of sizes that are few; the code is right
    for all, and fast where that is so.

    Very large programs would take long to compile: kernels beyond the first million characters are
    `Setting.terse`.  Elementwise ops with gradients, 10,000 nodes: LLVM 4.9 -> 3.3 s.  Such kernels take
    1.0 to 1.2 times as long.
    """
    width = jit.vector_bytes() if vector_bytes is None else vector_bytes
    names: dict[str, str] = {}
    parts: dict[str, tuple[str, Mapping[str, str]]] = {}
    kernels: list[str] = []
    slots: list[tuple[tuple[Any, ...], ...]] = []
    rounded = rounded_products(plan.outputs) if contract else frozenset()
    setting = Setting(plan.buffers, width, contract, small, rounded, never_read(plan))
    long = 0  # characters of different bodies so far
    for nest in plan.nests:
        call = nest.roots[0].value
        if isinstance(call, Call) and not call.in_place:
            kernels.append("")
            slots.append(())
            continue
        setting = replace(setting, terse=long > LONG)
        written = write_call(call, setting) if isinstance(call, Call) else _kernel(nest, setting)
        body, words, declared = written
        long += 0 if body in names else len(body)
        name = names.setdefault(body, f"kernel{len(names)}")
        parts[name] = body, declared
        kernels.append(name)
        slots.append(tuple(words))
    return Module(tuple(kernels), tuple(slots), parts)


_written: OrderedDict[tuple[Any, ...], tuple[Written, Words]] = OrderedDict()
KERNELS = 256  # kept written
LONG = 1 << 20  # characters of different bodies in a program, from which on text is spared


def _kernel(nest: Nest, setting: Setting) -> Written:
    """The kernel of a nest: that of one of the same form, of any program, or else written now."""
    setting = replace(setting, small=setting.small & names_in_rows(nest))
    marked = (setting.rounded, setting.never_read, {sought(nest)})
    found = form_of(nest, setting.buffers, marked)
    if found is None:
        return write_kernel(nest, setting)
    form, here = found
    key = (form, setting.vector_bytes, setting.contract, setting.small, setting.terse)
    known = _written.get(key)
    if known is None:
        written = write_kernel(nest, setting)
        _written[key] = written, here
        while len(_written) > KERNELS:
            _written.popitem(last=False)
        return written
    (body, slots, needed), before = known
    return body, renamed(slots, before, here), needed


def rounded_products(outputs: Sequence[Value]) -> frozenset[Value]:
    """Products of floats that must be rounded: those that several values read, and those that are added to products.

    Fused with an addition, a product is not rounded.  Were ``x * y`` rounded for ``max(x * y)``
    and not for ``x * y - max(x * y)``, the greatest difference would not be 0; nor would ``a * b - c * d``
    be where the two agree, were one of them rounded.  Squares that are added do not cancel.  A sign does
    not come between: ``-(x * y) - m`` is fused, too.
    """
    uses = dict.fromkeys(outputs, 1)
    paired = set[Value]()
    for value in reversed(walk(outputs)):
        if _may_cancel(value):
            paired.update(map(_unsigned, operands_of(value)))
        passed_on = uses[value] if isinstance(value, View | Pad) or _is_negative(value) else 1
        for operand in operands_of(value):
            uses[operand] = uses.get(operand, 0) + passed_on
    return frozenset(paired | {v for v, n in uses.items() if n > 1 and _is_product(v)})


def _may_cancel(value: Value) -> bool:
    """Is it a sum or difference of two products, but not the sum of two squares?"""
    if not (isinstance(value, Map) and value.primitive in SUMS):
        return False
    squares = value.primitive == "add" and all(map(_is_square, value.operands))
    return all(_is_product(_unsigned(operand)) for operand in value.operands) and not squares


def _unsigned(value: Value) -> Value:
    while _is_negative(value):
        (value,) = operands_of(value)
    return value


def _is_negative(value: Value) -> bool:
    return isinstance(value, Map) and value.primitive == "negative"


def _is_product(value: Value) -> bool:
    return isinstance(value, Map) and value.primitive in PRODUCTS and value.dtype.kind == "f"


def _is_square(value: Value) -> bool:
    return isinstance(value, Map) and len(set(value.operands)) == 1
