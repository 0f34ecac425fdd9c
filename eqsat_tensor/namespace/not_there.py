"""What of NumPy's main namespace is not there, and why: the text that an error gives."""

from __future__ import annotations

_SIZE = "The size of its result depends on values, which are not known while tracing."
_ROOTS = "It needs the roots of a polynomial, whose number depends on values."
_FILE = "It reads or writes files or text: call it outside traced code."
_MEMORY = "It speaks of memory; a traced tensor has none."
_LOOP = "It calls a Python function for each element; write it in array functions, or use vmap or vectorize."
_DTYPE = "It is for dtypes that tensors do not have."
_VIEW = "It makes a view of a kind of its own; tensors are plain arrays."
_ORDER = "Iterate in Python over a known size, or write the loop as one array operation."

NOT_THERE: dict[str, str] = {
    # Results whose size depends on values.
    **dict.fromkeys(
        ("unique_all", "unique_counts", "unique_inverse", "unique_values"),
        _SIZE + " Use unique with size=.",
    ),
    "setxor1d": _SIZE + " Use isin and where.",
    "trim_zeros": _SIZE + " Give the bounds: x[a:b].",
    # Polynomials with leading zeros cut off, and roots.
    "polydiv": _SIZE + " Leading zeros of the remainder are cut off.",
    "polymul": _SIZE + " Leading zeros are cut off: use convolve.",
    "roots": _ROOTS,
    "poly": "Multiply the factors by convolve.",
    "poly1d": "It is a class of its own; use arrays of coefficients with polyval and its kin.",
    "mask_indices": _SIZE + " Use tril_indices or triu_indices, or nonzero with size=.",
    # Bins of several coordinates, bits.
    **dict.fromkeys(
        ("histogram2d", "histogramdd"),
        "Digitize each coordinate, ravel_multi_index the bins, and bincount with length=.",
    ),
    **dict.fromkeys(("packbits", "unpackbits"), "Shift and mask: (x[:, None] >> arange(8)) & 1."),
    # Python in the innermost loop.
    "apply_along_axis": _LOOP,
    "frompyfunc": _LOOP,
    "fromiter": _LOOP,
    "nditer": _ORDER,
    "nested_iters": _ORDER,
    "ndenumerate": _ORDER,
    "flatiter": _ORDER,
    "broadcast": "Use broadcast_shapes and broadcast_arrays.",
    # Files and text.
    **dict.fromkeys(
        ("save", "savez", "savez_compressed", "loadtxt", "savetxt", "genfromtxt",
         "fromregex", "fromstring", "fromfile", "memmap", "array2string", "array_repr",
         "array_str", "base_repr", "binary_repr", "format_float_positional",
         "format_float_scientific", "info", "show_config", "show_runtime"),
        _FILE,
    ),
    # Memory.
    **dict.fromkeys(
        ("frombuffer", "from_dlpack", "may_share_memory", "shares_memory", "isfortran",
         "getbufsize", "setbufsize", "require"),
        _MEMORY,
    ),
    # Dtypes.
    **dict.fromkeys(
        ("datetime_as_string", "datetime_data", "busday_count", "busday_offset", "busdaycalendar",
         "is_busday", "isnat", "datetime64", "timedelta64", "object_", "str_", "bytes_", "void",
         "character", "flexible", "longdouble", "clongdouble", "float128", "complex256", "strings",
         "char", "rec", "record", "recarray", "sctypeDict", "ScalarType"),
        _DTYPE,
    ),
    # Other kinds of arrays, other libraries.
    **dict.fromkeys(("matrix", "asmatrix", "bmat", "ma"), _VIEW),
    "random": "Draw outside traced code, and pass what was drawn as arguments.",
    **dict.fromkeys(
        ("polynomial", "emath", "lib", "core", "ctypeslib", "f2py", "test",
         "__array_namespace_info__", "get_include"),
        "It is no part of the array functions: call it outside traced code.",
    ),
    "testing": "It is for tests: import it from numpy.",
    "typing": "It is for type checkers: import it from numpy.",
    "ufunc": "Functions here are plain functions; see dir(eqsat_tensor).",
    "asarray_chkfinite": "Whether values are finite is not known while tracing: use isfinite.",
    "einsum_path": "The compiler orders contractions itself; einsum takes any number of operands.",
}  # fmt: skip

_UNROLLED = (
    "Write the loop in Python: a trace unrolls it, and what repeats is rewritten once. "
    "How often it runs must be known while tracing."
)
_DECLARED = (
    'Write tensor("x", ("n",), "float32"): the name, the sizes by name or number, the dtype.'
)
_HERE = "relu, sigmoid, softmax, log_softmax, softplus and logsumexp are functions of eqsat_tensor."
_AT = "Write x.at[key].set(v) or x.at[key].add(v)."

# Names that users of other array compilers look for, and what to write instead.
ELSEWHERE: dict[str, str] = {
    **dict.fromkeys(
        ("scan", "fori_loop", "while_loop", "lax", "map", "reduce", "foldl", "foldr"), _UNROLLED
    ),
    **dict.fromkeys(("nn", "nnet"), _HERE),
    **dict.fromkeys(("set_subtensor", "inc_subtensor"), _AT),
    **dict.fromkeys(
        (f"{kind}{shape}" for kind in "bwilfdcz" for shape in ("scalar", "vector", "matrix")),
        _DECLARED,
    ),
    **dict.fromkeys(("vector", "tensor3", "tensor4"), _DECLARED),
    "njit": "Write jit.",
    **dict.fromkeys(
        ("tree_map", "tree_util", "tree", "pytree"),
        "Nests of arrays go into jit and come out of it as they are; other classes by register_pytree.",
    ),
    "prange": "Write the loop as one array operation; loops over many elements run on all cores.",
    "stencil": "Write it by slices: x[:-2] + x[1:-1] + x[2:] is one loop.",
    "guvectorize": 'Write vectorize(f, signature="(n),(n)->()").',
    "switch": "Write where, or cond, of which one branch runs.",
    "ifelse": "Write cond(condition, if_true, if_false, *operands).",
    "one_hot": "Write (labels[:, None] == arange(count)).astype(float).",
    "sqr": "Write square.",
    "logistic": "Write sigmoid.",
    "Rop": "Write jvp.",
    "Lop": "Write vjp.",
    **dict.fromkeys(("pmap", "device_put"), "Arrays are NumPy's; on a device, CuPy's."),
    "cat": "Write concatenate.",
    **dict.fromkeys(("mm", "bmm"), "Write matmul."),
}
