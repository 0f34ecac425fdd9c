"""Rules of one element at a time, and a few of each other kind."""

WRONG = {
    "distributes": (
        "linear",
        "(rewrite (Multiply x (Add y z)) (Add (Multiply x y) (Multiply x z)))",
    ),
    "zero-absorbs": ("exact", "(rewrite (Multiply x 0.0) 0.0)"),
    "exp-of-log": ("fold", "(rewrite (Exp (Log x)) x)"),
    "quotient-of-same": ("cancel", "(rewrite (Divide x x) 1.0)"),
    "sqrt-of-square": ("stable", "(rewrite (Sqrt (Multiply x x)) x)"),
    "log-of-product": ("simplify", "(rewrite (Log (Multiply x y)) (Add (Log x) (Log y)))"),
    "wrong-axis": (
        "linear",
        "(rewrite (Sum (vec-of 0) (Transpose (vec-of 1 0) x)) (Sum (vec-of 0) x))",
    ),
    "transposed-in-place": (
        "linear",
        "(rewrite (Transpose (vec-of 1 0) (Matmul a b))"
        " (Matmul (Transpose (vec-of 1 0) a) (Transpose (vec-of 1 0) b)))",
    ),
    "softplus-is-odd": ("stable", "(rewrite (Softplus (Negative x)) (Negative (Softplus x)))"),
    "nearly-one": ("stable", "(rewrite (Log (Add x (Full (F 1.0000001) t))) (Log1p x))"),
    "doubled-and-halved": ("exact", "(rewrite (FloorDivide (Multiply x 2) 2) x)"),
    "maximum-by-hand": ("exact", "(rewrite (Maximum x y) (Where (Less y x) x y))"),
}
RIGHT = {
    "negative-twice": ("exact", "(rewrite (Negative (Negative x)) x)"),
    "factors": ("linear", "(rewrite (Add (Multiply x y) (Multiply x z)) (Multiply x (Add y z)))"),
    "softplus": ("stable", "(rewrite (Log1p (Exp x)) (Softplus x))"),
    "logsumexp": ("stable", "(rewrite (Log (Sum axes (Exp x))) (Logsumexp axes x))"),
    "association": ("chain", "(rewrite (Matmul (Matmul a b) c) (Matmul a (Matmul b c)))"),
    "row-sum": (
        "linear",
        "(rewrite (Sum (vec-of 0) (Transpose (vec-of 1 0) x)) (Sum (vec-of 1) x))",
    ),
    "product-transposed": (
        "linear",
        "(rewrite (Transpose (vec-of 1 0) (Matmul a b))"
        " (Matmul (Transpose (vec-of 1 0) b) (Transpose (vec-of 1 0) a)))",
    ),
    "exp-of-log-guarded": ("fold", "(rewrite (Exp (Log x)) x :when ((nonnegative x)))"),
    "absolute": ("stable", "(rewrite (Sqrt (Square x)) (Absolute x))"),
    "where-same": ("exact", "(rewrite (Where c x x) x)"),
}
