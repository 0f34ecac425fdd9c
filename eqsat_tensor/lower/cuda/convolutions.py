"""The kernel of a convolution: threads take elements of the result, neighbours read neighbours."""

from __future__ import annotations

import numpy as np

from eqsat_tensor.extents import product
from eqsat_tensor.lower.cuda.passes import Passes
from eqsat_tensor.lower.cuda.rows import THREAD, THREADS
from eqsat_tensor.lower.cuda.words import TYPES, cast_text, literal_text, word_text
from eqsat_tensor.lower.cuda.writer import INDEX
from eqsat_tensor.schedule.loop_values import Host

SINGLE = np.dtype(np.float32)


def write_convolution(w: Passes, call: Host) -> None:
    """``out[k] = sum over j of a[start + k - j] v[j]``, j in order; halves are added in float32."""
    f, (a, v) = w.function, call.operands
    start, length = dict(call.attributes)["start"][0], call.shape[-1]
    own = SINGLE if call.dtype == np.float16 else call.dtype
    over, under, made = w.memory(a), w.memory(v), w.memory(call, written=True)
    with f.block(f"for ({INDEX} i = {THREAD}; i < {w.size(product(call.shape))}; i += {THREADS})"):
        place = f.let(INDEX, f"{w.size(start)} + i % {w.size(length)}")
        row = f.let(INDEX, f"i / {w.size(length)}")
        first = f.let(INDEX, f"eq_most(0, {place} - {w.size(a.shape[-1])} + 1)")
        end = f.let(INDEX, f"eq_least({place} + 1, {w.size(v.shape[-1])})")
        left = f.let(INDEX, f"{row} * {w.size(a.shape[-1])} + {place}")
        right = f.let(INDEX, f"{row} * {w.size(v.shape[-1])}")
        f.line(f"{TYPES[own.name]} total = {literal_text(0, own)};")
        with f.block(f"for ({INDEX} j = {first}; j < {end}; ++j)"):
            factors = [
                cast_text(text, call.dtype, own)
                for text in (f"{over}[{left} - j]", f"{under}[{right} + j]")
            ]
            part = f.let(TYPES[own.name], word_text("multiply", own, factors))
            f.line(f"total = {word_text('add', own, ['total', part])};")
        f.line(f"{made}[i] = {cast_text('total', own, call.dtype)};")
