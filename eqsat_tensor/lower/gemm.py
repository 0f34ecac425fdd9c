"""A call of the matrix product, read off for both backends."""

from __future__ import annotations

from typing import TypeAlias

from eqsat_tensor.extents import Size, product
from eqsat_tensor.schedule.loop_values import Call

# dtype; batch, rows, columns, inner; are a and b transposed; is the addend one row for all?
Form: TypeAlias = tuple[str, Size, Size, Size, Size, bool, bool, bool]


def form_of(call: Call) -> Form:
    """What kind of product a call of gemm is, leading axes being a batch: all but where arrays lie."""
    assert call.function == "gemm", call.function
    options, a = dict(call.options), call.operands[0]
    return (
        call.dtype.name,
        product(call.shape[:-2]),
        call.shape[-2],
        call.shape[-1],
        a.shape[-2] if options["transpose_a"] else a.shape[-1],
        options["transpose_a"],
        options["transpose_b"],
        options.get("row", False),
    )
