"""The array namespace: NumPy's functions on tensors, and on arrays where nothing is traced.

`PUBLIC` holds every function by each of its names; `NUMPY` maps NumPy's own functions to ours.
"""

from eqsat_tensor.namespace import (
    choices,
    creation,
    elementwise,
    indexing,
    movement,
    parts,
    products,
    protocol,
    reductions,
    special,
)
from eqsat_tensor.namespace.operands import NUMPY, PUBLIC, public

__all__ = [
    "NUMPY",
    "PUBLIC",
    "choices",
    "creation",
    "elementwise",
    "indexing",
    "movement",
    "parts",
    "products",
    "protocol",
    "public",
    "reductions",
    "special",
]
