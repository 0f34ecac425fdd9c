"""The array namespace: NumPy's functions on tensors, and on arrays where nothing is traced.

`PUBLIC` holds every function by each of its names; `NUMPY` maps NumPy's own functions to ours;
`OBJECTS` are other names, such as dtypes and constants; `NOT_THERE` says why a name is missing.
"""

from eqsat_tensor.namespace import (
    choices,
    creation,
    einsum,
    elementwise,
    indexing,
    joining,
    linalg,
    methods,
    movement,
    names,
    padding,
    parts,
    polynomials,
    products,
    protocol,
    reductions,
    repeating,
    sequences,
    special,
    triangles,
)
from eqsat_tensor.namespace.names import OBJECTS
from eqsat_tensor.namespace.not_there import NOT_THERE
from eqsat_tensor.namespace.operands import NUMPY, PUBLIC, public

__all__ = [
    "NOT_THERE",
    "NUMPY",
    "OBJECTS",
    "PUBLIC",
    "choices",
    "creation",
    "einsum",
    "elementwise",
    "indexing",
    "joining",
    "linalg",
    "methods",
    "movement",
    "names",
    "padding",
    "parts",
    "polynomials",
    "products",
    "protocol",
    "public",
    "reductions",
    "repeating",
    "sequences",
    "special",
    "triangles",
]
