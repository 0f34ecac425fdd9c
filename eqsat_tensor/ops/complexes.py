"""Complex numbers and their parts: real, imag, complex, conjugate.

Cotangents follow JAX: of a real L(z) the gradient is dL/dx - i dL/dy, so that dL = Re(gradient dz),
and a holomorphic op gives its cotangent times its derivative, without a conjugation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import COMPLEXES, FLOAT32, FLOAT64, PART, OpDef, define
from eqsat_tensor.ops.arithmetic import negative
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.types import TensorType

WHOLE = {part: whole for whole, part in PART.items()}  # of the parts' dtype: the complex one


def _part(z: TensorType) -> TensorType:
    return z.with_dtype(PART[z.dtype])


def _whole(re: TensorType, im: TensorType) -> TensorType:
    assert re == im, (re, im)
    return re.with_dtype(WHOLE[re.dtype])


def _complex(re: Any, im: Any) -> Any:
    result = np.empty(np.shape(re), WHOLE[np.asarray(re).dtype])
    result.real, result.imag = re, im
    return result


real: OpDef = define(
    "real", Kind.MOVEMENT, arity=1, numpy=lambda z: np.array(np.real(z)), infer=_part,
    dtypes=COMPLEXES, linear=True, ulps=0.0, batch=lambda node, operands, size: node.rebuilt(operands),
    vjp=lambda ct, out, z: (complex_(ct, full_like(ct, 0)),),
    doc="The real part of complex numbers.",
)  # fmt: skip
imag: OpDef = define(
    "imag", Kind.MOVEMENT, arity=1, numpy=lambda z: np.array(np.imag(z)), infer=_part,
    dtypes=COMPLEXES, linear=True, ulps=0.0, batch=lambda node, operands, size: node.rebuilt(operands),
    vjp=lambda ct, out, z: (complex_(full_like(ct, 0), negative(ct)),),
    doc="The imaginary part of complex numbers.",
)  # fmt: skip
complex_: OpDef = define(
    "complex", Kind.MOVEMENT, arity=2, numpy=_complex, infer=_whole, dtypes=(FLOAT32, FLOAT64),
    linear=True, ulps=0.0, batch=lambda node, operands, size: node.rebuilt(operands),
    vjp=lambda ct, out, re, im: (real(ct), negative(imag(ct))),
    doc="The complex number of a real and an imaginary part.",
)  # fmt: skip
conjugate: OpDef = define(
    "conjugate", Kind.COMPOSITE, arity=1, numpy=np.conjugate, infer=lambda z: z, dtypes=COMPLEXES,
    expand=lambda z: complex_(real(z), negative(imag(z))), ulps=0.0,
    vjp=lambda ct, out, z: (conjugate(ct),), jvp=lambda tangents, out, z: conjugate(tangents[0]),
    doc="The complex conjugate.",
)  # fmt: skip
