"""Facts: wrong signs, bounds, bits, orders, indices and matrices; and right ones."""

WRONG = {
    "positive-of-square": ("facts", "(fact (positive x) :when ((= x (Square y)) (is-float x)))"),
    "positive-of-wrapping-product": (
        "facts", "(fact (nonnegative x) :when ((= x (Square y))))"),
    "nonnegative-of-difference": (
        "facts", "(fact (nonnegative x) :when ((= x (Subtract y z)) (positive y) (positive z)))"),
    "negative-of-log1mexp-turned": ("facts", "(fact (positive x) :when ((= x (Log1mexp y))))"),
    "nonzero-of-sum": ("facts", "(fact (nonzero x) :when ((= x (Add y z)) (nonzero y) (nonzero z)))"),
    "finite-of-exp": ("facts", "(fact (finite x) :when ((= x (Exp y)) (finite y)))"),
    "finite-of-product": (
        "facts", "(fact (finite x) :when ((= x (Multiply y z)) (finite y) (finite z)))"),
    "not-nan-of-log": ("facts", "(fact (not-nan x) :when ((= x (Log y)) (not-nan y)))"),
    "integer-of-quotient": (
        "facts", "(fact (integer-valued x) :when ((= x (Divide y z)) (integer-valued y) (integer-valued z)))"),
    "tanh-within-99": ("facts", "(fact (at-most x 0.99) :when ((= x (Tanh y))))"),
    "sigmoid-below-half": ("facts", "(fact (at-most x 0.5) :when ((= x (Sigmoid y))))"),
    "square-within": (
        "facts", "(fact (at-most x c) :when ((= x (Square y)) (is-float x) (at-most y c) (nonnegative y)))"),
    "negative-keeps-bound": (
        "facts", "(fact (at-least x c) :when ((= x (Negative y)) (is-float x) (at-least y c)))"),
    "negative-of-whole-bound": (
        "facts", "(fact (at-most x (- 0.0 c)) :when ((= x (Negative y)) (at-least y c)))"),
    "minimum-at-least-one-side": (
        "facts", "(fact (at-least x c) :when ((= x (Minimum y z)) (at-least y c)))"),
    "increasing-cos": ("facts", "(fact (increasing x y) :when ((= x (Cos y))))"),
    "increasing-square": ("facts", "(fact (increasing x y) :when ((= x (Square y)) (is-float x)))"),
    "increasing-reciprocal": ("facts", "(fact (decreasing x y) :when ((= x (Reciprocal y)) (nonzero y)))"),
    "increasing-by-negative": (
        "facts", "(fact (increasing x y) :when ((= x (Multiply y (Full (F c) t)))))"),
    "unique-of-sum": ("facts", "(fact (unique x) :when ((= x (Add y z)) (is-int x) (unique y) (unique z)))"),
    "unique-of-negative": ("facts", "(fact (unique x) :when ((= x (Negative y)) (unique y)))"),
    "unique-grid": ("facts", "(fact (unique x) :when ((= x (Iota axis (Tensor (I64) s)))))"),
    "symmetric-product": ("facts", "(fact (symmetric x) :when ((= x (Matmul a b)) (is-float x)))"),
    "product-of-symmetric": (
        "facts", "(fact (symmetric x) :when ((= x (Matmul a b)) (is-float x) (symmetric a) (symmetric b)))"),
    "definite-gram": (
        "facts", "(fact (positive-definite x) :when ((= x (Matmul a (Transpose (vec-of 1 0) a))) (is-float x)))"),
    "definite-difference": (
        "facts",
        "(fact (positive-semidefinite x) :when ((= x (Subtract a b)) (positive-definite a) (positive-definite b)))"),
    "positive-is-definite": (
        "facts", "(fact (positive-definite x) :when ((= x (Exp a)) (symmetric a)))"),
    "transposed-triangle": (
        "facts", "(fact (lower-triangular x) :when ((= x (Transpose (vec-of 1 0) a)) (lower-triangular a)))"),
    "orthogonal-sum": (
        "facts", "(fact (orthogonal x) :when ((= x (Add a b)) (orthogonal a) (orthogonal b)))"),
    "permutation-of-orthogonal": (
        "facts", "(fact (permutation x) :when ((= x (Negative a)) (orthogonal a)))"),
    "diagonal-of-exp": ("facts", "(fact (diagonal x) :when ((= x (Exp a)) (diagonal a)))"),
    "identity-of-diagonal": (
        "facts", "(fact (identity-matrix x) :when ((= x (Sign a)) (is-float x) (diagonal a)))"),
}  # fmt: skip
RIGHT = {
    "positive-of-sum-of-squares": (
        "facts", "(fact (positive x) :when ((= x (Add (Square y) z)) (is-float x) (positive z)))"),
    "finite-of-sine": ("facts", "(fact (finite x) :when ((= x (Sin y)) (finite y)))"),
    "tanh-within": ("facts", "(fact (at-most x 1.0) :when ((= x (Tanh y))))"),
    "shifted-cosine": ("facts", "(fact (nonnegative x) :when ((= x (Add (Cos y) 1.0))))"),
    "increasing-exp": ("facts", "(fact (increasing x y) :when ((= x (Exp y))))"),
    "unique-transposed": ("facts", "(fact (unique x) :when ((= x (Transpose axes y)) (unique y)))"),
    "gram": (
        "facts",
        "(fact (positive-semidefinite x) :when ((= x (Matmul a (Transpose (vec-of 1 0) a))) (is-float x)))"),
    "definite-sum": (
        "facts",
        "(fact (positive-definite x) :when ((= x (Add a b)) (positive-definite a) (positive-semidefinite b)))"),
    "triangles": (
        "facts",
        "(fact (lower-triangular x) :when ((= x (Matmul a b)) (is-float x) (lower-triangular a) (lower-triangular b)))"),
}  # fmt: skip
