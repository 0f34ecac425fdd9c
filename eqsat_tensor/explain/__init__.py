"""What the compiler did with a program: before, after, which rules, what else there was, at what cost.

explain_variant  -> `Explanation`     the story of a compile, as text and as data
minimal_rules    -> `MinimalRules`    the fewest rules that give the same program, and a NumPy script
draw             -> HTML              before and after as pictures
"""

from eqsat_tensor.explain.drawing import draw
from eqsat_tensor.explain.minimal import MinimalRules, minimal_rules
from eqsat_tensor.explain.story import explain_variant
from eqsat_tensor.explain.told import Explanation, Line, Rejected

__all__ = [
    "Explanation",
    "Line",
    "MinimalRules",
    "Rejected",
    "draw",
    "explain_variant",
    "minimal_rules",
]
