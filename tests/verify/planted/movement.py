"""Rules of movements, labels, whole numbers, truth values and casts."""

WRONG = {
    # x // 1 drops nothing of whole numbers, but the fraction of floats
    "floor-divide-by-one": ("cleanup", "(rewrite (FloorDivide x 1.0) x)"),
    "floor-of-infinite-quotient": ("exact", "(rewrite (FloorDivide x 1.0) (Floor x))"),
    # NaN is not equal to itself
    "equal-to-itself": (
        "cleanup",
        "(rewrite (Equal x x) (Full (B 1) t) :when ((= t (type self))))",
    ),
    "not-equal-to-itself": (
        "cleanup",
        "(rewrite (NotEqual x x) (Full (B 0) t) :when ((= t (type self))))",
    ),
    "at-most-itself": (
        "cleanup",
        "(rewrite (LessEqual x x) (Full (B 1) t) :when ((= t (type self))))",
    ),
    "not-less": ("cleanup", "(rewrite (LogicalNot (Less x y)) (LessEqual y x))"),
    "less-or-greater": ("cleanup", "(rewrite (LogicalOr (Less x y) (Less y x)) (NotEqual x y))"),
    "absorbs-a-nan": ("exact", "(rewrite (Maximum x (Minimum x y)) x)"),
    "relu-by-hand": ("fold", "(rewrite (Where (Less 0.0 x) x 0.0) (Maximum x 0.0))"),
    "distributes-wrongly": (
        "exact",
        "(rewrite (LogicalOr x (LogicalAnd y z)) (LogicalAnd x (LogicalOr y z)))",
    ),
    # a shape is lost: what one operand is repeated along, the other must be too
    "broadcast-forgotten": (
        "exact",
        "(rewrite (Add (Broadcast axes t x) y) (Add x y))",
    ),
    "broadcast-along-others": (
        "exact",
        "(rewrite (Add (Broadcast axes t x) (Broadcast others t y)) (Broadcast axes t (Add x y))"
        " :when ((= u (type x)) (= u (type y))))",
    ),
    "transpose-twice-is-nothing": ("exact", "(rewrite (Transpose p (Transpose p x)) x)"),
    "reshape-is-transpose": (
        "exact",
        "(rewrite (Reshape t x) (Transpose (vec-of 1 0) x)"
        " :when ((= (Tensor d sizes) (type x)) (= sizes (vec-of m n)) (= t (Tensor d (vec-of n m)))))",
    ),
    "squeeze-of-squeeze-as-written": (
        "exact",
        "(rewrite (Squeeze a (Squeeze b x)) (Squeeze (vec-of i j) x)"
        " :when ((= a (vec-of j)) (= b (vec-of i)) (< i j)))",
    ),
    "steps-add": (
        "exact",
        "(rewrite (Slice a s t (Slice b r u x)) (Slice (vec-of (+ i j)) s t x)"
        " :when ((= a (vec-of i)) (= b (vec-of j)) (<= 0 i) (<= 0 j)))",
    ),
    "reversed-once": ("exact", "(rewrite (Slice start step t x) x :when ((= t (type x))))"),
    "slice-of-concatenate-unbounded": (
        "exact",
        "(rewrite (Slice start step t (Concatenate axis x y)) (Slice start step t x)"
        " :when ((= sizes (vec-of n)) (= (Tensor d sizes) (type x)) (= 0 (vec-get start 0)) (<= 3 n)))",
    ),
    "concatenate-of-any-slices": (
        "exact",
        "(rewrite (Concatenate axis (Slice a s t x) (Slice b s u x)) (Slice a s v x)"
        " :when ((= v (type self))))",
    ),
    "concatenate-commutes": (
        "exact",
        "(rewrite (Concatenate axis x y) (Concatenate axis y x))",
    ),
    "sum-of-other-axis-of-concatenate": (
        "linear",
        "(rewrite (Sum (vec-of 1) (Concatenate 0 x y)) (Add (Sum (vec-of 1) x) (Sum (vec-of 1) y)))",
    ),
    "slice-of-softmax-along": (
        "linear",
        "(rewrite (Slice start step t (Softmax axes x)) (Softmax axes (Slice start step t x)))",
    ),
    "slice-of-sum-as-it-is": (
        "linear",
        "(rewrite (Slice start step t (Sum (vec-of 1) x)) (Sum (vec-of 0) (Slice (vec-of i 0) (vec-of s 1)"
        " (Tensor d (vec-of m n)) x)) :when ((= start (vec-of i)) (= step (vec-of s)) (= (Tensor d sizes) t)"
        " (= sizes (vec-of m)) (= (Tensor d others) (type x)) (= n (vec-get others 1))))",
    ),
    "product-row-of-both": (
        "linear",
        "(rewrite (Gather c t (Matmul a b) i) (Matmul a (Gather c u b i)) :when ((= u (type b)) (= t (type self))))",
    ),
    # labels that repeat
    "read-of-set": ("exact", '(rewrite (Gather 1 t (Scatter "set" 1 u x i v) i) v)'),
    "read-of-add": (
        "exact",
        '(rewrite (Gather 1 t (Scatter "add" 1 u x i v) i) (Add (Gather 1 t x i) v) :when ((is-float v)))',
    ),
    "set-of-sum": (
        "exact",
        '(rewrite (Scatter "set" 1 u x i (Add (Gather 1 t x i) v)) (Scatter "add" 1 u x i v))',
    ),
    "add-of-set": (
        "linear",
        '(rewrite (Add x (Scatter "set" c u 0.0 i v)) (Scatter "add" c u x i v))',
    ),
    "add-after-set": (
        "exact",
        '(rewrite (Scatter "add" c u (Scatter "set" c u x i w) i v) (Scatter "set" c u x i (Add w v))'
        " :when ((is-float v)))",
    ),
    "writes-commute": (
        "exact",
        '(rewrite (Scatter "set" c u (Scatter "set" c u x i v) j w) (Scatter "set" c u (Scatter "set" c u x j w) i v))',
    ),
    # labels that are outside
    "unchecked-read-of-set": (
        "exact",
        '(rewrite (Gather 0 t (Scatter "set" 0 u x i v) i) v :when ((unique i)))',
    ),
    "one-hot-of-any-label": (
        "linear",
        "(rewrite (Matmul (Cast f (Equal (Iota 1 t) (Broadcast (vec-of 1) t y))) w) (Gather 0 g w y)"
        " :when ((= g (type self)) (is-float w) (= l (type y)) (= (Tensor (I64) s) l)))",
    ),
    # whole numbers wrap
    "half-of-double": ("exact", "(rewrite (FloorDivide (Multiply x 2) 2) x)"),
    "shifted-order": ("exact", "(rewrite (Less (Add x z) (Add y z)) (Less x y) :when ((is-int x)))"),
    "order-of-negatives": ("exact", "(rewrite (Less (Negative x) (Negative y)) (Less y x))"),
    "absolute-of-int": ("exact", "(rewrite (Absolute (Negative x)) (Absolute x))"),
    "quotient-and-remainder-of-zero": (
        "exact",
        "(rewrite (Add (Multiply (FloorDivide x y) y) (Remainder x y)) x :when ((is-int x)))",
    ),
    "remainder-of-shifted": (
        "exact",
        "(rewrite (Remainder (Add x 6) 3) (Remainder x 3))",
    ),
    "shift-back": ("exact", "(rewrite (RightShift (LeftShift x 1) 1) x)"),
    # casts that lose something
    "cast-through-single": (
        "exact",
        "(rewrite (Cast (Tensor (F64) s) (Cast (Tensor (F32) s) x)) x :when ((= (Tensor (F64) s) (type x))))",
    ),
    "cast-through-short": (
        "exact",
        "(rewrite (Cast (Tensor (I64) s) (Cast (Tensor (I32) s) x)) x :when ((= (Tensor (I64) s) (type x))))",
    ),
    "long-through-double": (
        "exact",
        "(rewrite (Cast (Tensor (I64) s) (Cast (Tensor (F64) s) x)) x :when ((= (Tensor (I64) s) (type x))))",
    ),
    "cast-of-sum": (
        "exact",
        "(rewrite (Add (Cast t x) (Cast t y)) (Cast t (Add x y)) :when ((is-int x) (is-int y) (is-int self)))",
    ),
    # a branch that is not taken
    "where-drops-the-condition": ("exact", "(rewrite (Where c (Exp x) y) (Exp (Where c x y)))"),
    "divide-of-where-zero": ("simplify", "(rewrite (Divide (Where c 0.0 f) a) (Where c 0.0 (Divide f a)))"),
}  # fmt: skip
RIGHT = {
    "transposes-undone": (
        "exact",
        "(rewrite (Transpose p (Transpose q x)) x :when ((= p (vec-of 1 2 0)) (= q (vec-of 2 0 1))))",
    ),
    "slice-of-rows": (
        "linear",
        "(rewrite (Slice start step t (Matmul a b)) (Matmul (Slice start step (Tensor d (vec-of m k)) a) b)"
        " :when ((= 0 (vec-get start 1)) (= 1 (vec-get step 1)) (= (Tensor d sizes) t) (= sizes (vec-of m n))"
        " (= (Tensor d others) (type b)) (= others (vec-of k n))))",
    ),
    "unique-read-of-set": (
        "exact",
        '(rewrite (Gather 1 t (Scatter "set" 1 u x i v) i) v :when ((unique i)))',
    ),
    "added-twice": (
        "linear",
        '(rewrite (Scatter "add" c u (Scatter "add" c u x i w) i v) (Scatter "add" c u x i (Add w v))'
        " :when ((is-float v)))",
    ),
    "set-twice": (
        "exact",
        '(rewrite (Scatter "set" c u (Scatter "set" c u x i w) i v) (Scatter "set" c u x i v))',
    ),
    "wider-and-back": (
        "exact",
        "(rewrite (Cast (Tensor (F32) s) (Cast (Tensor (F64) s) x)) x :when ((= (Tensor (F32) s) (type x))))",
    ),
    "wraps-and-back": ("exact", "(rewrite (Subtract (Add x y) y) x :when ((is-int x)))"),
}  # fmt: skip
