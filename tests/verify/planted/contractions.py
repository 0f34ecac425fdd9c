"""Rules of reductions and matrix products."""

from __future__ import annotations

WRONG = {
    "sum-of-small-multiple": (
        "linear",
        "(rewrite (Sum axes (Multiply x (Full (F 0.5) t))) (Multiply (Sum axes x) (Full (F 0.5) u))"
        " :when ((= u (type self))))",
    ),
    "sum-of-large-quotient": (
        "linear",
        "(rewrite (Sum axes (Divide x (Full (F c) t))) (Divide (Sum axes x) (Full (F c) u))"
        " :when ((< 1.0 c) (= u (type self))))",
    ),
}
RIGHT = {
    "sum-of-large-multiple": (
        "linear",
        "(rewrite (Sum axes (Multiply x (Full (F c) t))) (Multiply (Sum axes x) (Full (F c) u))"
        " :when ((<= 1.0 (abs c)) (= u (type self))))",
    ),
}
