"""`scipy.special` on tensors: ``et.special.gammaln(x)``, by SciPy's names.

Of arrays and numbers alone the functions are SciPy's own.  `NOT_THERE` says of SciPy's other ufuncs
why they are missing.

In compiled code SciPy's errors (`scipy.special.seterr`) have to stay ignored, as they are unless
someone says otherwise: it has no place where a Python exception could go, and computes lanes that are
thrown away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eqsat_tensor.namespace.special import SPECIAL
from eqsat_tensor.namespace.special_missing import NOT_THERE

_NAMES = sorted(name for name in SPECIAL if not name.startswith("_"))


def __getattr__(name: str) -> Callable[..., Any]:
    if name not in _NAMES:
        reason = NOT_THERE.get(name, "see dir(eqsat_tensor.special)")
        raise AttributeError(f"module 'eqsat_tensor.special' has no attribute {name!r}: {reason}")
    return SPECIAL[name]


def __dir__() -> list[str]:
    return ["NOT_THERE", *_NAMES]


__all__ = ["NOT_THERE", *_NAMES]
