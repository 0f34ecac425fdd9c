"""Kernels of "scan" nests: each place along one axis is made from the one before.

lines   a thread a line, the places in turn: NumPy's order, with its roundings.
chunks  where the scanned axis is the innermost: teams scan chunks of a line together, after a
        first kernel has reduced the chunks before.  Sums of floats are rounded otherwise than in
        order, so not in strict mode.
"""

from __future__ import annotations

import numpy as np

from eqsat_tensor.extents import product
from eqsat_tensor.lower.cuda.passes import Passes
from eqsat_tensor.lower.cuda.reductions import combined, ctype, functor, identity
from eqsat_tensor.lower.cuda.rows import THREAD, THREADS
from eqsat_tensor.lower.cuda.writer import INDEX, Here
from eqsat_tensor.schedule.loop_values import Scan
from eqsat_tensor.schedule.loops import Nest, Root


def in_chunks(nest: Nest, exact: bool) -> bool:
    """May teams of threads share a line?  exact: only where no bit depends on the order."""
    scan = _scan(nest.roots[0])
    same = scan.dtype.kind != "f" or scan.combine in ("max", "min")
    innermost = nest.outer + 1 == len(nest.domain)
    return innermost and scan.combine != "recurrence" and (same or not exact)


def _scan(root: Root) -> Scan:
    assert isinstance(root.value, Scan), root.value
    return root.value


def write_lines(w: Passes) -> None:
    """Each thread takes lines, and walks along them."""
    f, nest = w.function, w.nest
    (root,) = nest.roots
    scan, axis = _scan(root), nest.outer
    sizes = (*nest.domain[:axis], *nest.domain[axis + 1 :])
    lanes, length = w.size(product(sizes)), w.size(nest.domain[axis])
    with f.block(f"for ({INDEX} line = {THREAD}; line < {lanes}; line += {THREADS})"):
        index = w.decomposed("line", sizes)
        f.line(f"{ctype(scan)} last{_start(scan)};")
        with f.block(f"for ({INDEX} step = 0; step < {length}; ++step)"):
            at = f.let(INDEX, f"{length} - 1 - step") if scan.reverse else "step"
            here = Here([*index[:axis], at, *index[axis:]])
            texts = [w.value(v, root.access, root.guards, here) for v in root.sources]
            if scan.factor is None:
                after = combined(scan, "last", texts[0])
            else:
                after = f"eq_sum()({texts[0]}, eq_prod()({texts[1]}, last))"
            f.line(f"last = step == 0 ? {texts[0]} : {after};")
            w.store(scan, root.result, "last", frozenset(), here)


def _start(scan: Scan) -> str:
    return "" if scan.dtype == np.float16 else " = 0"


def write_scan_partials(w: Passes) -> None:
    """Each block reduces one chunk of a line."""
    f, nest = w.function, w.nest
    (root,) = nest.roots
    scan = _scan(root)
    rows, chunks, share, length = _shares(w)
    with f.block(f"for ({INDEX} unit = blockIdx.x; unit < {rows} * {chunks}; unit += gridDim.x)"):
        row, chunk = f.let(INDEX, f"unit / {chunks}"), f.let(INDEX, f"unit % {chunks}")
        index = w.decomposed(row, nest.domain[: nest.outer])
        f.line(f"{ctype(scan)} sum = {identity(scan)};")
        end = f.let(INDEX, f"eq_least(({chunk} + 1) * {share}, {length})")
        head = f"for ({INDEX} step = {chunk} * {share} + threadIdx.x; step < {end};"
        with f.block(f"{head} step += blockDim.x)"):
            f.line(f"sum = {combined(scan, 'sum', _at(w, root, index, 'step', length)[0])};")
        total = f.let(ctype(scan), f"eq_team({functor(scan)}, sum, {w.shared(ctype(scan), 32)})")
        partial = w.pointer(scan.dtype, "partial", 0, written=True)
        f.line(f"if (threadIdx.x == 0) {partial}[{chunk} * {rows} + {row}] = {total};")


def write_scan_chunks(w: Passes) -> None:
    """Each team scans one chunk of a line, on top of the chunks before."""
    f, nest = w.function, w.nest
    (root,) = nest.roots
    scan = _scan(root)
    kind, word = ctype(scan), functor(scan)
    rows, chunks, share, length = _shares(w)
    partial = w.pointer(scan.dtype, "partial", 0)
    step = "(eq_i64)gridDim.x * blockDim.y"
    units = f.let(INDEX, f"{rows} * {chunks}")
    first = f"{INDEX} first = (eq_i64)blockIdx.x * blockDim.y"
    with f.block(f"for ({first}; first < {units}; first += {step})"):
        unit = f.let(INDEX, f"eq_least(first + threadIdx.y, {units} - 1)")
        row, chunk = f.let(INDEX, f"{unit} / {chunks}"), f.let(INDEX, f"{unit} % {chunks}")
        index = w.decomposed(row, nest.domain[: nest.outer])
        f.line(f"{kind} before = {identity(scan)};")
        with f.block(f"for ({INDEX} k = threadIdx.x; k < {chunk}; k += blockDim.x)"):
            f.line(f"before = {combined(scan, 'before', f'{partial}[k * {rows} + {row}]')};")
        f.line(f"before = eq_team({word}, before, {w.shared(kind, 32)});")
        start = f.let(INDEX, f"{chunk} * {share}")
        end = f.let(INDEX, f"eq_least({start} + {share}, {length})")
        with f.block(f"for ({INDEX} base = {start}; base < {start} + {share}; base += blockDim.x)"):
            step_text = f.let(INDEX, f"eq_most(eq_least(base + threadIdx.x, {end} - 1), 0)")
            text, here = _at(w, root, index, step_text, length)
            inside = f.let("bool", f"base + threadIdx.x < {end}")
            taken = f.let(kind, f"{inside} ? {text} : {identity(scan)}")
            f.line(f"{kind} total;")
            shared = w.shared(kind, 256)
            own = f.let(kind, f"eq_team_scan({word}, {taken}, &total, {shared})")
            live = f"{inside} && first + threadIdx.y < {units}"
            value = f.let(kind, combined(scan, "before", own))
            w.store(scan, root.result, value, frozenset(), here, live)
            f.line(f"before = {combined(scan, 'before', 'total')};")


def _shares(w: Passes) -> tuple[str, str, str, str]:
    """Lines, chunks of each, places of a chunk, places of a line."""
    nest = w.nest
    rows, length = w.size(product(nest.domain[: nest.outer])), w.size(nest.domain[nest.outer])
    chunks = w.number("chunks")
    share = w.function.let(INDEX, f"({length} + {chunks} - 1) / {chunks}")
    return rows, chunks, share, length


def _at(w: Passes, root: Root, index: list[str], step: str, length: str) -> tuple[str, Here]:
    """What is taken in at a step along the line."""
    at = w.function.let(INDEX, f"{length} - 1 - {step}") if _scan(root).reverse else step
    here = Here([*index, at])
    return w.value(root.sources[0], root.access, root.guards, here), here
