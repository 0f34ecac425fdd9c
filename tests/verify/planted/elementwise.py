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
    # ---------------------------------------------------------- what other compilers do, and is wrong
    "floor-by-one": ("cleanup", "(rewrite (FloorDivide x 1.0) x)"),
    "powers-of-one-base": (
        "simplify",
        "(rewrite (Multiply (Power a x) (Power a y)) (Power a (Add x y)))",
    ),
    "quotient-of-powers": (
        "simplify",
        "(rewrite (Divide (Power a x) (Power a y)) (Power a (Subtract x y)))",
    ),
    "arccosh-of-cosh": ("simplify", "(rewrite (Arccosh (Cosh x)) x)"),
    "cosh-of-arccosh": ("simplify", "(rewrite (Cosh (Arccosh x)) x)"),
    "tanh-of-arctanh": ("simplify", "(rewrite (Tanh (Arctanh x)) x)"),
    "reciprocal-twice": ("exact", "(rewrite (Reciprocal (Reciprocal x)) x)"),
    "sigmoid-of-log-odds": ("stable", "(rewrite (Sigmoid (Log (Divide p (Subtract 1.0 p)))) p)"),
    # these lose range at rare draws: subnormal numbers, and what is computed to one
    "softplus-of-log-reciprocal": (
        "simplify",
        "(rewrite (Softplus (Negative (Log x))) (Log1p (Divide 1.0 x)) :when ((positive x)))",
    ),
    "log-of-reciprocal-reversed": (
        "simplify",
        "(rewrite (Negative (Log x)) (Log (Divide 1.0 x)) :when ((positive x)))",
    ),
    "logaddexp-of-reciprocals": (
        "simplify",
        "(rewrite (Subtract y (Log x)) (Add y (Log (Divide 1.0 x))) :when ((positive x)))",
    ),
    "equal-to-itself": (
        "cleanup",
        "(rewrite (Equal x x) (Full (B 1) t) :when ((= t (type self))))",
    ),
    "unequal-to-itself": (
        "cleanup",
        "(rewrite (NotEqual x x) (Full (B 0) t) :when ((= t (type self))))",
    ),
    "not-above-itself": (
        "cleanup",
        "(rewrite (LessEqual x x) (Full (B 1) t) :when ((= t (type self))))",
    ),
    "not-below-itself": (
        "cleanup",
        "(rewrite (GreaterEqual x x) (Full (B 1) t) :when ((= t (type self))))",
    ),
    "difference-of-same": ("cleanup", "(rewrite (Subtract x x) 0.0 :when ((is-float x)))"),
    "zero-over": ("cleanup", "(rewrite (Divide 0.0 x) 0.0)"),
    "cancelled-factor": ("cancel", "(rewrite (Divide (Multiply x y) x) y)"),
    "quotient-by-own-size": ("cancel", "(rewrite (Divide x (Absolute x)) (Sign x))"),
    "sign-of-reciprocal": ("exact", "(rewrite (Sign (Divide 1.0 x)) (Sign x))"),
    "half-power": ("exact", "(rewrite (Power x 0.5) (Sqrt x))"),
    "ten-ulps-from-one": (
        "stable",
        "(rewrite (Log (Add x (Full (F 1.000000000000002) t))) (Log1p x))",
    ),
    "ten-ulps-from-sigmoid": (
        "stable",
        "(rewrite (Subtract (Full (F 1.000000000000002) t) (Sigmoid x)) (Sigmoid (Negative x)))",
    ),
    "scaled-sigmoid": (
        "stable",
        "(rewrite (Divide 1.1 (Add (Exp (Negative x)) 1.0)) (Sigmoid x))",
    ),
    "erfc-of-two": ("stable", "(rewrite (Subtract 2.0 (Erf x)) (Erfc x))"),
    "argmax-of-any": ("simplify", "(rewrite (Argmax axes (Square x)) (Argmax axes x))"),
    # ---------------------------------------------------------- overflow
    "hypot-by-hand": ("simplify", "(rewrite (Hypot x y) (Sqrt (Add (Square x) (Square y))))"),
    "log-of-product-of-all": ("simplify", "(rewrite (Sum axes (Log x)) (Log (Prod axes x)))"),
    "logaddexp-by-hand": ("simplify", "(rewrite (Logaddexp x y) (Log (Add (Exp x) (Exp y))))"),
    "softplus-naive": ("simplify", "(rewrite (Softplus x) (Log1p (Exp x)))"),
    "sigmoid-naive": ("simplify", "(rewrite (Sigmoid x) (Divide (Exp x) (Add (Exp x) 1.0)))"),
    "tanh-naive": (
        "simplify",
        "(rewrite (Tanh x) (Divide (Subtract (Exp x) (Exp (Negative x)))"
        " (Add (Exp x) (Exp (Negative x)))))",
    ),
    "logsumexp-naive": ("simplify", "(rewrite (Logsumexp axes x) (Log (Sum axes (Exp x))))"),
    "exp-of-a-sum": ("simplify", "(rewrite (Exp (Add x y)) (Multiply (Exp x) (Exp y)))"),
    "erfc-tail-naive": ("simplify", "(rewrite (LogNdtr x) (Log (Ndtr x)))"),
    "gammaln-naive": ("simplify", "(rewrite (Gammaln x) (Log (Gamma x)) :when ((positive x)))"),
    # ---------------------------------------------------------- cancellation
    "squares-expanded": (
        "simplify",
        "(rewrite (Multiply (Subtract x y) (Add x y)) (Subtract (Square x) (Square y))"
        " :when ((is-float x)))",
    ),
    "square-of-difference": (
        "simplify",
        "(rewrite (Square (Subtract x y)) (Add (Subtract (Square x) (Multiply (Multiply x y) 2.0))"
        " (Square y)))",
    ),
    "sum-of-square-deviations": (
        "linear",
        "(rewrite (Sum axes (Square (Subtract x (Broadcast axes t m))))"
        " (Sum axes (Subtract (Square x) (Square (Broadcast axes t m)))))",
    ),
    "expm1-naive": ("simplify", "(rewrite (Expm1 x) (Subtract (Exp x) 1.0))"),
    "log1p-naive": ("simplify", "(rewrite (Log1p x) (Log (Add x 1.0)))"),
    "erfc-naive": ("simplify", "(rewrite (Erfc x) (Subtract 1.0 (Erf x)))"),
    "sine-of-difference": (
        "simplify",
        "(rewrite (Sin (Subtract x y)) (Subtract (Multiply (Sin x) (Cos y)) (Multiply (Cos x) (Sin y))))",
    ),
    "sine-squared-naive": (
        "simplify",
        "(rewrite (Multiply (Square (Sin x)) 2.0) (Subtract 1.0 (Cos (Multiply x 2.0))))",
    ),
    "log-of-a-quotient": (
        "simplify",
        "(rewrite (Log (Divide (Square x) (Square y))) (Subtract (Log (Square x)) (Log (Square y))))",
    ),
    "sum-of-terms-split": (
        "linear",
        "(rewrite (Sum axes (Subtract x y)) (Subtract (Sum axes x) (Sum axes y)))",
    ),
    # ---------------------------------------------------------- shapes and dtypes
    "sum-forgets-the-count": ("linear", "(rewrite (Sum axes (Broadcast axes t x)) x)"),
    "product-forgets-the-count": ("linear", "(rewrite (Prod axes (Broadcast axes t x)) x)"),
    "mean-of-another-axis": (
        "linear",
        "(rewrite (Sum (vec-of 1) (Multiply x y)) (Multiply (Sum (vec-of 1) x) (Sum (vec-of 1) y)))",
    ),
    "through-single-precision": (
        "cleanup",
        "(rewrite (Cast (Tensor (F64) s) (Cast (Tensor (F32) s) x)) x :when ((= (Tensor (F64) s) (type x))))",
    ),
    "through-a-short-integer": (
        "cleanup",
        "(rewrite (Cast (Tensor (I64) s) (Cast (Tensor (I8) s) x)) x :when ((= (Tensor (I64) s) (type x))))",
    ),
    "unsigned-size": ("cleanup", "(rewrite (Absolute (Negative x)) (Absolute x))"),
    "integer-quotient-and-back": ("cleanup", "(rewrite (Multiply (FloorDivide x y) y) x)"),
    "integer-product-and-back": (
        "cleanup",
        "(rewrite (FloorDivide (Multiply x y) y) x :when ((is-int x)))",
    ),
    # ---------------------------------------------------------- domains
    "sqrt-of-product": ("simplify", "(rewrite (Sqrt (Multiply x y)) (Multiply (Sqrt x) (Sqrt y)))"),
    "sqrt-squared": ("simplify", "(rewrite (Square (Sqrt x)) x)"),
    "log-of-a-square": ("stable", "(rewrite (Log (Square x)) (Multiply (Log x) 2.0))"),
    "log-of-a-power": ("stable", "(rewrite (Log (Power x y)) (Multiply y (Log x)))"),
    "power-of-power": ("simplify", "(rewrite (Power (Power x y) z) (Power x (Multiply y z)))"),
    "arcsin-of-sin": ("simplify", "(rewrite (Arcsin (Sin x)) x)"),
    "arctan-of-tan": ("simplify", "(rewrite (Arctan (Tan x)) x)"),
    "expm1-of-log1p-unguarded": ("fold", "(rewrite (Expm1 (Log1p x)) x)"),
    # ---------------------------------------------------------- signs and constants
    "sigmoid-is-odd": ("stable", "(rewrite (Sigmoid (Negative x)) (Negative (Sigmoid x)))"),
    "tanh-is-even": ("exact", "(rewrite (Tanh (Negative x)) (Tanh x))"),
    "cos-is-odd": ("exact", "(rewrite (Cos (Negative x)) (Negative (Cos x)))"),
    "log-sigmoid-sign": ("stable", "(rewrite (Log (Sigmoid x)) (Negative (Softplus x)))"),
    "maximum-of-negatives": (
        "exact",
        "(rewrite (Maximum (Negative x) (Negative y)) (Negative (Maximum x y)) :when ((is-float x)))",
    ),
    "arctan2-turned": ("simplify", "(rewrite (Arctan2 y x) (Arctan2 x y))"),
    "half-angle-forgotten": (
        "stable",
        "(rewrite (Subtract 1.0 (Cos x)) (Multiply (Square (Sin x)) 2.0))",
    ),
    "tanh-of-whole": ("stable", "(rewrite (Subtract (Multiply (Sigmoid y) 2.0) 1.0) (Tanh y))"),
    "exp2-of-short-constant": ("simplify", "(rewrite (Exp2 x) (Exp (Multiply x 0.6931471805)))"),
    "log10-of-short-constant": ("simplify", "(rewrite (Log10 x) (Multiply (Log x) 0.4342944819))"),
    "pythagoras-nearly": (
        "cancel",
        "(rewrite (Add (Square (Sin x)) (Square (Cos x))) (Full (F 1.00000000000001) t)"
        " :when ((= t (type x))))",
    ),
    # ---------------------------------------------------------- zeros and NaN
    "plus-zero": ("cleanup", "(rewrite (Add x 0.0) x)"),
    "zero-minus": ("exact", "(rewrite (Subtract 0.0 x) (Negative x))"),
    "negative-difference": ("exact", "(rewrite (Negative (Subtract x y)) (Subtract y x))"),
    "relu-by-hand": ("exact", "(rewrite (Where (Greater x 0.0) x 0.0) (Maximum x 0.0))"),
    "sign-and-size": ("exact", "(rewrite (Multiply (Sign x) (Absolute x)) x)"),
    "added-and-taken": ("exact", "(rewrite (Subtract (Add x y) y) x)"),
    "size-as-maximum": ("exact", "(rewrite (Absolute x) (Maximum x (Negative x)))"),
    "not-less-is-greater": (
        "exact",
        "(rewrite (LogicalNot (Less x y)) (GreaterEqual x y))",
    ),
    "products-associate": (
        "exact",
        "(rewrite (Multiply (Multiply x y) z) (Multiply x (Multiply y z)))",
    ),
    # ---------------------------------------------------------- approximate, and not even that
    "close-to-nothing": ("approx", "(rewrite (Sin x) x)"),
    "wrong-quotient": ("approx", "(rewrite (Divide (Multiply x y) z) (Divide x (Multiply y z)))"),
    "quotient-of-scaled-squares": (  # a/b may overflow where c is 0
        "stable",
        "(rewrite (Divide (Multiply (Square a) c) (Square b)) (Multiply (Square (Divide a b)) c)"
        " :when ((nonzero b)))",
    ),
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
    "arccosh-of-cosh-is-size": (
        "simplify",
        "(rewrite (Cosh (Arccosh x)) (Where (GreaterEqual x 1.0) x (Full (NaN) t)) :when ((= t (type x))))",
    ),
    "equal-where-no-nan": (
        "cleanup",
        "(rewrite (Equal x x) (Full (B 1) t) :when ((= t (type self)) (not-nan x)))",
    ),
    "difference-of-integers": ("cleanup", "(rewrite (Subtract x x) 0 :when ((is-int x)))"),
    "cancelled-where-nonzero": (
        "cancel",
        "(rewrite (Divide (Multiply x y) x) y :when ((nonzero x)))",
    ),
    "half-power-of-positive": (
        "simplify",
        "(rewrite (Power x 0.5) (Sqrt x) :when ((nonnegative x)))",
    ),
    "hypot": ("stable", "(rewrite (Sqrt (Add (Square x) (Square y))) (Hypot x y))"),
    "expm1": ("stable", "(rewrite (Subtract (Exp x) 1.0) (Expm1 x))"),
    "squares-factored": (
        "stable",
        "(rewrite (Subtract (Square x) (Square y)) (Multiply (Subtract x y) (Add x y)) :when ((is-float x)))",
    ),
    "sums-merged": (
        "linear",
        "(rewrite (Add (Sum axes x) (Sum axes y)) (Sum axes (Add x y)) :when ((= t (type x)) (= t (type y))))",
    ),
    "negative-of-negative-product": (
        "exact",
        "(rewrite (Multiply (Negative x) (Negative y)) (Multiply x y) :when ((is-float x)))",
    ),
    "arctanh-of-tanh": ("stable", "(rewrite (Arctanh (Tanh x)) x)"),
    "log-ndtr": ("stable", "(rewrite (Log (Ndtr x)) (LogNdtr x))"),
    "log-gamma": ("stable", "(rewrite (Log (Gamma x)) (Gammaln x) :when ((positive x)))"),
    "cos-is-even": ("exact", "(rewrite (Cos (Negative x)) (Cos x))"),
    "maximum-of-negatives-is-minimum": (
        "exact",
        "(rewrite (Maximum (Negative x) (Negative y)) (Negative (Minimum x y)) :when ((is-float x)))",
    ),
    "through-double": (
        "cleanup",
        "(rewrite (Cast (Tensor (F32) s) (Cast (Tensor (F64) s) x)) x :when ((= (Tensor (F32) s) (type x))))",
    ),
    "division-by-constant": ("approx", "(rewrite (Divide x 3.0) (Multiply x 0.3333333333333333))"),
    "quotients-merged": ("approx", "(rewrite (Divide (Divide x y) z) (Divide x (Multiply y z)))"),
}
