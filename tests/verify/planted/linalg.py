"""Rules of linear algebra: wrong ones of others and of one's own, and right ones."""

SWAP = "(= n (vec-length axes)) (= axes (vec-append (vec-range (- n 2)) (vec-of (- n 1) (- n 2))))"
KRON = "(Reshape t (Multiply (Broadcast (vec-of 1 3) u a) (Broadcast (vec-of 0 2) u b)))"
WRONG = {
    # of any lower triangle: its diagonal may be negative
    "cholesky-of-square": (
        "linear",
        "(rewrite (Cholesky (Matmul l (Transpose axes l))) l"
        f" :when ((lower-triangular l) {SWAP}))",
    ),
    # only the lower half of A is read
    "factor-squared": (
        "linear",
        f"(rewrite (Matmul l (Transpose axes l)) a :when ((= l (Cholesky a)) {SWAP}))",
    ),
    "factored-unsymmetric": (
        "linear",
        "(rewrite (Solve a b) (SolveTriangular 1 1 l (SolveTriangular 1 0 l b))"
        " :when ((= l (Cholesky a))))",
    ),
    "diagonal-of-any-kronecker-product": (
        "exact",
        "(rewrite (Diagonal x)"
        " (Reshape (Tensor d (vec-of (* k l))) (Multiply (Broadcast (vec-of 1) (Tensor d (vec-of k l)) (Diagonal a))"
        " (Broadcast (vec-of 0) (Tensor d (vec-of k l)) (Diagonal b))))"
        " :when ((kronecker x a b) (= (Tensor d rows) (type a)) (= (Tensor d others) (type b))"
        " (= k (min (vec-get rows 0) (vec-get rows 1))) (= l (min (vec-get others 0) (vec-get others 1)))))",
    ),
    "turned-kronecker-product": (
        "linear",
        f"(rewrite (Inv {KRON})"
        " (Reshape t (Multiply (Broadcast (vec-of 1 3) u (Inv b)) (Broadcast (vec-of 0 2) u (Inv a))))"
        " :when ((= s (type a)) (= s (type b))))",
    ),
    # LAPACK's pivots have a sign
    "determinant-without-sign": (
        "linear",
        "(rewrite (Det a) (Exp (Slogdet 1 a)))",
    ),
    "log-of-any-determinant": ("stable", "(rewrite (Log (Det a)) (Slogdet 1 a))"),
    "determinant-of-multiple": ("linear", "(rewrite (Det (Multiply a (Full (F c) t))) (Multiply (Det a) (Full (F c) u)) :when ((= u (type self))))"),
    "determinant-of-sum": ("linear", "(rewrite (Det (Add a b)) (Add (Det a) (Det b)))"),
    "determinant-of-negative": ("linear", "(rewrite (Det (Negative a)) (Negative (Det a)))"),
    "determinant-of-any-diagonal": (
        "linear",
        "(rewrite (Det a) (Prod (vec-of k) (Diagonal a))"
        " :when ((symmetric a) (= (Tensor d sizes) (type self)) (= k (vec-length sizes))))",
    ),
    "determinant-of-orthogonal": (
        "linear",
        "(rewrite (Det q) (Full (F 1.0) t) :when ((orthogonal q) (= t (type self))))",
    ),
    "inverse-in-order": ("linear", "(rewrite (Inv (Matmul a b)) (Matmul (Inv a) (Inv b)))"),
    "inverse-of-multiple": ("linear", "(rewrite (Inv (Multiply a (Full (F c) t))) (Multiply (Inv a) (Full (F c) t)))"),
    "inverse-by-element": ("linear", "(rewrite (Inv a) (Divide 1.0 a))"),
    "product-by-inverse-unturned": ("linear", "(rewrite (Matmul b (Inv a)) (Solve a b))"),
    "solve-in-order": (
        "linear", "(rewrite (Solve (Matmul a b) c) (Solve a (Solve b c)))"),
    # squares the condition
    "solve-by-normal-equations": (
        "linear",
        "(rewrite (Solve a b) (Solve (Matmul (Transpose axes a) a) (Matmul (Transpose axes a) b))"
        " :when ((= (Tensor d sizes) (type a)) (= n (vec-length sizes))"
        " (= axes (vec-append (vec-range (- n 2)) (vec-of (- n 1) (- n 2))))))",
    ),
    "solve-by-factor-of-symmetric": (
        "linear",
        "(rewrite (Solve a b) (SolveTriangular 1 1 (Cholesky a) (SolveTriangular 1 0 (Cholesky a) b))"
        " :when ((symmetric a)))",
    ),
    "solve-with-one-triangle": (
        "linear",
        "(rewrite (Solve a b) (SolveTriangular 1 0 (Cholesky a) b) :when ((positive-definite a)))",
    ),
    "solve-of-upper-as-lower": (
        "linear", "(rewrite (Solve a b) (SolveTriangular 1 0 a b) :when ((upper-triangular a)))"),
    "triangle-of-transpose": (
        "linear",
        "(rewrite (SolveTriangular lower transposed (Transpose axes a) b)"
        f" (SolveTriangular lower (- 1 transposed) a b) :when ({SWAP}))",
    ),
    "symmetric-is-definite": (
        "linear",
        "(rewrite (Slogdet 1 a) (Multiply (Sum (vec-of k) (Log (Diagonal (Cholesky a)))) (Full (F 2.0) t))"
        " :when ((symmetric a) (= t (type self)) (= (Tensor d sizes) t) (= k (vec-length sizes))))",
    ),
    "eigenvalues-unsorted": (
        "linear",
        "(rewrite (Eigh 0 t a) (Diagonal a) :when ((diagonal a)))",
    ),
    "trace-is-determinant": (
        "linear",
        "(rewrite (Prod axes (Eigh 0 t a)) (Prod axes (Diagonal a)) :when ((symmetric a)))",
    ),
    "transpose-of-any": (
        "fold", f"(rewrite (Transpose axes a) a :when ((= t (type a)) (= t (type self)) {SWAP}))"),
    "diagonal-on-the-other-side": (
        "linear",
        "(rewrite (Matmul a b) (Multiply (Broadcast (vec-of r) t (Diagonal a)) b)"
        " :when ((diagonal a) (= (type b) t) (= t (type a)) (= (Tensor d sizes) t) (= r (- (vec-length sizes) 2))))",
    ),
}  # fmt: skip
RIGHT = {
    "inverse-to-solve": ("linear", "(rewrite (Matmul (Inv a) b) (Solve a b))"),
    "inverse-twice": ("simplify", "(rewrite (Inv (Inv a)) a)"),
    "determinant-of-product": (
        "linear",
        "(rewrite (Det (Matmul a b)) (Multiply (Det a) (Det b)) :when ((= t (type a)) (= t (type b))))",
    ),
    "definite-by-factor": (
        "linear",
        "(rewrite (Solve a b) (SolveTriangular 1 1 (Cholesky a) (SolveTriangular 1 0 (Cholesky a) b))"
        " :when ((positive-definite a)))",
    ),
    "log-of-absolute-determinant": ("stable", "(rewrite (Log (Absolute (Det a))) (Slogdet 1 a))"),
    "eigenvalues-of-diagonal": (
        "linear",
        "(rewrite (Eigh 0 t a) (Sort k (Diagonal a))"
        " :when ((diagonal a) (= (Tensor d sizes) t) (= k (- (vec-length sizes) 1))))",
    ),
}
