"""`keep`: a value that no rewrite crosses."""

from __future__ import annotations

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import define

keep = define(
    "keep",
    Kind.BARRIER,
    arity=1,
    numpy=np.asarray,
    infer=lambda x: x,
    vjp=lambda ct, out, x: (ct,),
    linear=True,
    ulps=0.0,
    doc="x, computed as written: no rewrite crosses it (Kahan's compensation survives).",
)
