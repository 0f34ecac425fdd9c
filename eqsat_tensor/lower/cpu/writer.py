"""Loads and stores of the kernels: vectors of neighbours, apart from one another, or by labels."""

from __future__ import annotations

from eqsat_tensor.extents import Size, lower_bound, product
from eqsat_tensor.lower.cpu.lines import LINE, PAST_CACHES
from eqsat_tensor.lower.cpu.pairs import every_second
from eqsat_tensor.lower.cpu.places import MEMORY, SHORT, Frame, Guards, Here, Known, counting
from eqsat_tensor.schedule.accesses import Access, linear
from eqsat_tensor.schedule.loop_values import Value

FAR = 1 << 15  # bytes that a load asks for ahead, at most: what lies farther the caches would lose


class Writer(Frame):
    """Writes loads and stores."""

    # ------------------------------------------------------------------------------------ memory
    def address(self, value: Value, access: Access, here: Here) -> tuple[str, Size]:
        """Address of a stored value's element at index 0 of the inner axis, and the step of that."""
        f, kind = self.function, MEMORY[value.dtype]
        offset, coefficients = linear(value, access)
        pointer = f.offset(kind, self.base(value), self.size(offset))
        inner: Size = 0
        for axis in sorted(coefficients):
            step = coefficients[axis]
            if axis == here.inner and here.lanes:
                inner = step
            elif step != 0:
                pointer = f.offset(kind, pointer, f.multiply(here.index[axis], self.size(step)))
        return pointer, inner

    def load(
        self,
        value: Value,
        access: Access,
        guards: Guards,
        here: Here,
        labels: list[tuple[Size, Known]],
    ) -> Known:
        """Elements of a stored value; ``labels``: steps and values of indices that are not affine."""
        f, kind = self.function, MEMORY[value.dtype]
        pointer, inner = self.address(value, access, here)
        scattered: str | None = None
        for step, label in labels:
            if label.kind == "vector":
                wide = f"<{here.lanes} x i64>"
                by = self.spread(self.size(step), "i64", here.lanes)
                part = label.text if step == 1 else f.emit(f"mul {wide} {label.text}, {by}")
                scattered = part if scattered is None else f.emit(f"add {wide} {scattered}, {part}")
            else:
                pointer = f.offset(kind, pointer, f.multiply(label.text, self.size(step)))
        some = self._some(value) if labels else None
        if inner == 0 and scattered is None:
            row = self._both(self.row_mask(guards, here), some)
            if row is not None:  # outside there may be no element at all: read anything
                pointer = f.emit(f"select i1 {row}, ptr {pointer}, ptr %argument")
            return Known(
                "scalar", self.from_memory(f.emit(f"load {kind}, ptr {pointer}"), value, 0)
            )
        mask = self.mask(guards, here)
        if some is not None:
            wide = self.spread(some, "i1", here.lanes)
            mask = wide if mask is None else f.emit(f"and <{here.lanes} x i1> {mask}, {wide}")
        if inner == 1 and scattered is None:
            at = f.offset(kind, pointer, here.j)
            if here.ahead:
                self.bring_next_row(value, access, at, here)
            return Known("vector", self.vector_load(at, value, mask, here))
        if inner == -1 and scattered is None and mask is None:
            last = f.subtract(f"{1 - here.lanes}", here.j)
            backward = self.vector_load(f.offset(kind, pointer, last), value, None, here, raw=True)
            order = ", ".join(f"i32 {q}" for q in reversed(range(here.lanes)))
            wide = f"<{here.lanes} x {kind}>"
            turned = f.emit(
                f"shufflevector {wide} {backward}, {wide} poison, <{here.lanes} x i32> <{order}>"
            )
            return Known("vector", self.from_memory(turned, value, here.lanes))
        if inner == 2 and scattered is None and mask is None:
            return Known("vector", every_second(self, pointer, value, here))
        return Known("vector", self.gather(pointer, inner, scattered, value, mask, here))

    def bring_next_row(self, value: Value, access: Access, at: str, here: Here) -> None:
        """Ask for the same places of the next row, or for what comes soon where rows are long."""
        f, size = self.function, value.dtype.itemsize
        step = linear(value, access)[1].get(self.nest.outer - 1, 0)
        if step == 0 or self.asked_in.setdefault((value, access), here.phase) != here.phase:
            return
        far = self.clamp("smin", f.multiply(self.size(step), str(size)), str(FAR))
        how = [("i32", "0"), ("i32", "3"), ("i32", "1")]  # to read, into every cache, data
        for first in range(0, here.lanes * size, LINE):
            place = f.offset("i8", f.offset("i8", at, far), str(first))
            f.effect(self.call("void", "llvm.prefetch.p0", ("ptr", place), *how))

    def _some(self, value: Value) -> str | None:
        """i1: has the value elements at all, so that a label within it means one?  None: surely."""
        count = product(value.shape)
        low = lower_bound(count)
        if low is not None and low > 0:
            return None
        return self.function.emit(f"icmp sgt i64 {self.size(count)}, 0")

    def _both(self, a: str | None, b: str | None) -> str | None:
        """Both of two i1, None being true."""
        if a is None or b is None:
            return b if a is None else a
        return self.function.emit(f"and i1 {a}, {b}")

    def memory(self, value: Value) -> str:
        """The type of an element in memory."""
        return MEMORY[value.dtype]

    def vector_load(
        self, at: str, value: Value, mask: str | None, here: Here, raw: bool = False
    ) -> str:
        """A vector of neighbours."""
        kind, lanes = MEMORY[value.dtype], here.lanes
        wide, size = f"<{lanes} x {kind}>", value.dtype.itemsize
        if mask is None:
            loaded = self.function.emit(f"load {wide}, ptr {at}, align {size}")
        else:
            loaded = self.function.emit(
                self.call(
                    wide,
                    f"llvm.masked.load.v{lanes}{SHORT[kind]}.p0",
                    ("ptr", at),
                    ("i32", str(size)),
                    (f"<{lanes} x i1>", mask),
                    (wide, "zeroinitializer"),
                )
            )
        return loaded if raw else self.from_memory(loaded, value, lanes)

    def vector_store(self, text: str, at: str, value: Value, mask: str | None, here: Here) -> None:
        """A vector to neighbours."""
        held, past = self.to_memory(text, value, here.lanes), here.streams.get(value)
        if past is None or mask is not None:
            self.store_lanes(held, at, value, mask, here.lanes)
            return
        store = f"store <{here.lanes} x {MEMORY[value.dtype]}> {held}, ptr {at}, align"
        self.function.either(
            past, f"{store} {LINE}{PAST_CACHES}", f"{store} {value.dtype.itemsize}"
        )

    def store_lanes(self, text: str, at: str, value: Value, mask: str | None, lanes: int) -> None:
        """A vector of so many lanes, as it lies in memory, to neighbours."""
        kind, size = MEMORY[value.dtype], value.dtype.itemsize
        wide = f"<{lanes} x {kind}>"
        if mask is None:
            self.function.effect(f"store {wide} {text}, ptr {at}, align {size}")
            return
        symbol = f"llvm.masked.store.v{lanes}{SHORT[kind]}.p0"
        bits = (f"<{lanes} x i1>", mask)
        self.function.effect(
            self.call("void", symbol, (wide, text), ("ptr", at), ("i32", str(size)), bits)
        )

    def _pointers(
        self, pointer: str, step: Size, scattered: str | None, kind: str, here: Here
    ) -> str:
        f, lanes = self.function, here.lanes
        wide = f"<{lanes} x i64>"
        offsets = scattered
        if step != 0:
            pointer = f.offset(kind, pointer, f.multiply(here.j, self.size(step)))
            by = self.spread(self.size(step), "i64", lanes)
            walk = f.emit(f"mul {wide} {counting('i64', lanes)}, {by}")
            offsets = walk if offsets is None else f.emit(f"add {wide} {offsets}, {walk}")
        # no offsets: all lanes at one place, which a store has in a value of no elements alone
        return f.emit(f"getelementptr {kind}, ptr {pointer}, {wide} {offsets or 'zeroinitializer'}")

    def gather(
        self,
        pointer: str,
        step: Size,
        scattered: str | None,
        value: Value,
        mask: str | None,
        here: Here,
    ) -> str:
        """A vector of elements that lie apart."""
        kind, lanes = MEMORY[value.dtype], here.lanes
        wide = f"<{lanes} x {kind}>"
        loaded = self.function.emit(
            self.call(
                wide,
                f"llvm.masked.gather.v{lanes}{SHORT[kind]}.v{lanes}p0",
                (f"<{lanes} x ptr>", self._pointers(pointer, step, scattered, kind, here)),
                ("i32", str(value.dtype.itemsize)),
                (f"<{lanes} x i1>", mask or "splat (i1 true)"),
                (wide, "zeroinitializer"),
            )
        )
        return self.from_memory(loaded, value, lanes)

    def store(self, value: Value, access: Access, text: str, guards: Guards, here: Here) -> None:
        """Store elements (a vector, or one of no lanes) of a value."""
        f, kind, lanes = self.function, MEMORY[value.dtype], here.lanes
        pointer, inner = self.address(value, access, here)
        mask = self.mask(guards, here)
        if not lanes:
            assert mask is None, "an epilogue has the box of its nest"
            f.effect(f"store {kind} {self.to_memory(text, value, 0)}, ptr {pointer}")
            return
        if inner == 1:
            self.vector_store(text, f.offset(kind, pointer, here.j), value, mask, here)
            return
        self.scatter(self.to_memory(text, value, lanes), pointer, inner, value, mask, here)

    def scatter(
        self, text: str, pointer: str, step: Size, value: Value, mask: str | None, here: Here
    ) -> None:
        """A vector, as it lies in memory, to elements that lie apart."""
        kind, lanes = MEMORY[value.dtype], here.lanes
        symbol = f"llvm.masked.scatter.v{lanes}{SHORT[kind]}.v{lanes}p0"
        self.function.effect(
            self.call(
                "void",
                symbol,
                (f"<{lanes} x {kind}>", text),
                (f"<{lanes} x ptr>", self._pointers(pointer, step, None, kind, here)),
                ("i32", str(value.dtype.itemsize)),
                (f"<{lanes} x i1>", mask or "splat (i1 true)"),
            )
        )

    def from_memory(self, text: str, value: Value, lanes: int) -> str:
        """A bool is a byte in memory and a bit in registers."""
        if value.dtype.kind != "b":
            return text
        kind = f"<{lanes} x i8>" if lanes else "i8"
        return self.function.emit(f"icmp ne {kind} {text}, {'zeroinitializer' if lanes else '0'}")

    def to_memory(self, text: str, value: Value, lanes: int) -> str:
        if value.dtype.kind != "b":
            return text
        bits, kind = (f"<{lanes} x i1>", f"<{lanes} x i8>") if lanes else ("i1", "i8")
        return self.function.emit(f"zext {bits} {text} to {kind}")
