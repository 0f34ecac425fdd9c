"""The NumPy text of each op that moves elements, of leaves and of matrix products."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping, Sequence

from eqsat_tensor.extents import Size, SizeTerm, Symbol, floor_divide, maximum
from eqsat_tensor.lang import OPS, Expr
from eqsat_tensor.ops.captured import captured_array
from eqsat_tensor.printing.numpy_text import ATOM, PRODUCT, SUM, UNARY, Text, Writer

LITERAL_ARRAY = 16  # captured arrays of at most so many elements are written out


# ----------------------------------------------------------------------------------------- leaves
def _input(w: Writer, node: Expr) -> Text:
    array = captured_array(node)
    if array is not None and array.size <= LITERAL_ARRAY:
        text = re.sub(r"\b(nan|inf)\b", r'float("\1")', repr(array.tolist()))
        if 0 in array.shape:
            return w.call("zeros", w.shape(array.shape), f"dtype={array.dtype.name!r}")
        return Text(f"{w.namespace}.asarray({text}, dtype={array.dtype.name!r})")
    return Text(w.names[node])


def _full(w: Writer, node: Expr) -> Text:
    value = w.number(node["value"].value).text
    if w.namespace == "np" and node.shape == ():
        return Text(f"np.{node.dtype.type.__name__}({value})")
    return w.call("full", w.shape(node.shape), value, f"dtype={node.dtype.name!r}")


def _iota(w: Writer, node: Expr) -> Text:
    axis, rank = node["axis"], len(node.shape)
    index = w.call("arange", w.size(node.shape[axis]).text, f"dtype={node.dtype.name!r}").text
    if rank == 1:
        return Text(index)
    keys = [":", *["None"] * (rank - axis - 1)]
    index = index if len(keys) == 1 else f"{index}[{', '.join(keys)}]"
    return w.call("broadcast_to", index, w.shape(node.shape))


def _size(w: Writer, node: Expr) -> Text:
    return w.call("asarray", w.size(node["size"][0]).text, f"dtype={node.dtype.name!r}")


# --------------------------------------------------------------------------------------- movements
def _operand(w: Writer, node: Expr) -> Text:
    return w.known[node.arguments[0]]


def _broadcast(w: Writer, node: Expr) -> Text:
    if all(node.shape[a] == 1 for a in node["axes"]):
        return w.indexed(node, False)
    return w.call("broadcast_to", w.indexed(node, True).text, w.shape(node.shape))


def _squeeze(w: Writer, node: Expr) -> Text:
    below, axes = node.arguments[0], node["axes"]
    if below.op.name == "slice" and below not in w.variables:
        return _sliced(w, below, axes)
    if below.op.name == "matmul" and below not in w.variables and len(below.shape) == 2:
        return _vector_product(w, below, axes)
    return w.call("squeeze", _operand(w, node).text, f"axis={axes if len(axes) > 1 else axes[0]}")


def _vector_product(w: Writer, node: Expr, axes: Sequence[int]) -> Text:
    """``x @ v`` for a product with vectors that were made matrices, of which ``axes`` are dropped."""
    left = list(axes)
    texts = []
    for side, x in enumerate(node.arguments):
        made = x.op.name == "broadcast" and x["axes"] == (side,) and x not in w.variables
        if side in left and made and x.shape[side] == 1:
            left.remove(side)
            texts.append(w.known[x.arguments[0]])
        else:
            texts.append(w.known[x])
    product = Text(f"{texts[0].at(PRODUCT)} @ {texts[1].at(UNARY)}", PRODUCT)
    if not left:
        return product
    place = left[0] if len(left) == 2 or len(axes) == 1 else 0
    return w.call("squeeze", product.text, f"axis={tuple(left) if len(left) > 1 else place}")


def _transpose(w: Writer, node: Expr) -> Text:
    axes = node["axes"]
    if axes == tuple(range(len(axes)))[::-1]:
        return Text(f"{_operand(w, node).at(ATOM)}.T")
    return w.call("transpose", _operand(w, node).text, str(axes))


def _reshape(w: Writer, node: Expr) -> Text:
    return w.call("reshape", _operand(w, node).text, w.shape(node.shape))


def _slice(w: Writer, node: Expr) -> Text:
    return _sliced(w, node, ())


def _sliced(w: Writer, node: Expr, dropped: Sequence[int]) -> Text:
    """``x[a:b:s, i]``; axes in ``dropped`` have one element and are indexed by it."""
    x, text = node.arguments[0], _operand(w, node).at(ATOM)
    keys = []
    for axis, (start, step, n) in enumerate(zip(*node.attributes, strict=True)):
        size = x.shape[axis]
        if axis in dropped:
            keys.append(w.size(start).text)
        elif (start, step, n) == (0, 1, size):
            keys.append(":")
        elif n == 0:
            keys.append("0:0")
        else:
            stop = start + step * n
            whole = start + 1 if step < 0 else size - start
            whole = maximum(floor_divide(whole + abs(step) - 1, abs(step)), 0) == n
            if whole:
                stop = -1 if step < 0 else size
            if step < 0 and not isinstance(stop, int):
                return _taken(w, node, dropped)
            first = "" if start == (0 if step > 0 else size - 1) else w.size(start).at(SUM)
            ends = stop == size if step > 0 else stop < 0
            last = "" if ends else w.size(stop).at(SUM)
            keys.append(f"{first}:{last}" + (f":{step}" if step != 1 else ""))
    while keys and keys[-1] == ":":
        keys.pop()
    return Text(f"{text}[{', '.join(keys)}]") if keys else Text(text)


def _taken(w: Writer, node: Expr, dropped: Sequence[int]) -> Text:
    """A slice backwards whose end is not known: by labels."""
    text = _operand(w, node).text
    for axis, (start, step, n) in enumerate(zip(*node.attributes, strict=True)):
        labels = f"{w.size(start).at(SUM)} + {w.namespace}.arange({w.size(n).text}) * {step}"
        text = w.call("take", text, labels, f"axis={axis}").text
    return w.call("squeeze", text, f"axis={tuple(dropped)}") if dropped else Text(text)


def _pad(w: Writer, node: Expr) -> Text:
    """Zeros joined on: between the elements along axes with a step, then in front and behind."""
    operand, shape = _operand(w, node), list(node.arguments[0].shape)
    text = operand.text
    kind = f"dtype={node.dtype.name!r}"
    rank = len(shape)

    def zeros(sizes: Sequence[Size]) -> str:
        return w.call("zeros", w.shape(sizes), kind).text

    for axis, (low, step, size) in enumerate(zip(*node.attributes, strict=True)):
        n = shape[axis]
        if n == 0:
            shape[axis] = size
            text = zeros(shape)
            continue
        if step != 1:
            gap = [*shape[: axis + 1], step - 1, *shape[axis + 1 :]]
            wide = w.call("expand_dims", text, str(axis + 1)).text
            joined = w.call("concatenate", f"({wide}, {zeros(gap)})", f"axis={axis + 1}").text
            shape[axis] = n * step
            flat = w.call("reshape", joined, w.shape(shape)).text
            shape[axis] = n * step - (step - 1)
            keys = [":"] * axis + [f":{w.size(shape[axis]).at(SUM)}"]
            text = f"{flat}[{', '.join(keys)}]"
        ends = [low, size - low - shape[axis]]
        parts = [zeros([*shape[:axis], e, *shape[axis + 1 :]]) if e != 0 else "" for e in ends]
        if any(parts):
            inside = ", ".join(p for p in (parts[0], text, parts[1]) if p)
            text = w.call("concatenate", f"({inside})", f"axis={axis}").text
        shape[axis] = size
    assert len(shape) == rank
    return operand if text == operand.text else Text(text)


def _concatenate(w: Writer, node: Expr) -> Text:
    a, b = (w.known[x].text for x in node.arguments)
    return w.call("concatenate", f"({a}, {b})", f"axis={node['axis']}")


def _diagonal(w: Writer, node: Expr) -> Text:
    return w.call("diagonal", _operand(w, node).text, "axis1=-2", "axis2=-1")


def _pick(w: Writer, node: Expr) -> Text:
    x, index = (w.known[a].text for a in node.arguments)
    axis = node["axis"]
    labels = w.call("expand_dims", index, str(axis)).text
    return w.call(
        "squeeze", w.call("take_along_axis", x, labels, f"axis={axis}").text, f"axis={axis}"
    )


def _gathered(w: Writer, node: Expr) -> Text:
    if not node["checked"]:
        raise w.missing(node)
    x, index = (w.known[a].text for a in node.arguments)
    return w.call("take", x, index, "axis=0")


def _matmul(w: Writer, node: Expr) -> Text:
    a, b = (w.known[x] for x in node.arguments)
    return Text(f"{a.at(PRODUCT)} @ {b.at(UNARY)}", PRODUCT)


def _gemm(w: Writer, node: Expr) -> Text:
    alpha, a, b, beta, c = (w.known[x] for x in node.arguments)
    product = f"({a.at(PRODUCT)} @ {b.at(UNARY)})"
    return Text(f"{alpha.at(PRODUCT)} * {product} + {beta.at(PRODUCT)} * {c.at(UNARY)}", SUM)


def _keep(w: Writer, node: Expr) -> Text:
    return _operand(w, node) if w.namespace == "np" else w.call("keep", _operand(w, node).text)


def _cumulative(w: Writer, node: Expr) -> Text:
    """Backwards: of the flipped array, flipped."""
    name, axis = node.op.name, f"axis={node['axis']}"
    text = _operand(w, node).text
    if node["reverse"]:
        text = w.call("flip", text, axis).text
    if name in ACCUMULATED and w.namespace == "np":
        text = f"np.{ACCUMULATED[name]}.accumulate({text}, {axis})"
    else:
        dtype = [f"dtype={node.dtype.name!r}"] if node.dtype.kind in "iu" and name in SUMS else []
        text = w.call(name, text, axis, *dtype).text
    return w.call("flip", text, axis) if node["reverse"] else Text(text)


def _sorted(w: Writer, node: Expr) -> Text:
    keywords = [f"axis={node['axis']}", "kind='stable'"]
    return w.call(node.op.name, _operand(w, node).text, *keywords)


def _parted(w: Writer, node: Expr) -> Text:
    places = [w.size(k).text for k in node["kth"]]
    kth = places[0] if len(places) == 1 else f"({', '.join(places)})"
    return w.call(node.op.name, _operand(w, node).text, kth, f"axis={node['axis']}")


def _searchsorted(w: Writer, node: Expr) -> Text:
    if len(node.arguments[0].shape) != 1:
        raise w.missing(node)
    a, v = (w.known[x].text for x in node.arguments)
    return w.call("searchsorted", a, v, f"side={'right' if node['right'] else 'left'!r}")


def _convolution(w: Writer, node: Expr) -> Text:
    """What is cut out of all products: nothing lies outside of them but where a start is below 0."""
    (start,) = node["start"]
    n, m = (x.shape[-1] for x in node.arguments)
    if len(node.shape) != 1 or 0 in (n, m) or (isinstance(start, int) and start < 0):
        raise w.missing(node)
    full = w.call("convolve", *(w.known[x].text for x in node.arguments))
    if (start, node.shape[0]) == (0, n + m - 1):
        return full
    ends = (w.size(end).at(SUM) for end in (start, start + node.shape[0]))
    return Text(f"{full.at(ATOM)}[{':'.join(ends)}]")


def _ldexp(w: Writer, node: Expr) -> Text:
    x, power = (w.known[a] for a in node.arguments)
    return w.call("ldexp", x.text, f"{power.at(ATOM)}.astype('int32')")


ACCUMULATED = {"cummax": "maximum", "cummin": "minimum", "logcumsumexp": "logaddexp"}
SUMS = ("cumsum", "cumprod")


def _complex(w: Writer, node: Expr) -> Text:
    re, im = (w.known[x] for x in node.arguments)
    if w.namespace == "np":  # 1j * im would make NaN of infinities
        pairs = w.call("stack", f"({re.text}, {im.text})", "-1").text
        return Text(f"{pairs}.view({node.dtype.name!r})[..., 0]")
    return Text(f"{re.at(SUM)} + 1j * {im.at(UNARY)}", SUM)


def _factored(w: Writer, node: Expr) -> Text:
    name, options = node.op.name, []
    if name == "lstsq" and len(node.arguments[0].shape) > 2:  # NumPy's takes no stacks
        raise w.missing(node)
    if "full" in node.op.attributes:
        full = bool(node["full"])
        options = [f"full_matrices={full}"] if name == "svd" else ["mode='complete'"] * full
    called = w.call(f"linalg.{name}", *(w.known[a].text for a in node.arguments), *options)
    if "result" not in node.op.attributes:
        return called
    which = 3 if name == "lstsq" and node["result"] else node["result"]
    return Text(f"{called.text}[{which}]")


def _transformed(w: Writer, node: Expr) -> Text:
    """Transforms that divide by nothing: the way back is told so."""
    name, axis, options = node.op.name, node["axis"], []
    if name == "irfft":
        options = [f"n={w.size(node.shape[axis]).text}", "norm='forward'"]
    elif name == "fourier":
        name, options = ("ifft", ["norm='forward'"]) if node["inverse"] else ("fft", [])
    return w.call(f"fft.{name}", _operand(w, node).text, f"axis={axis}", *options)


RULES: dict[str, Callable[[Writer, Expr], Text]] = {
    **dict.fromkeys(("svd", "svdvals", "qr", "pinv", "lstsq"), _factored),
    **dict.fromkeys(("fourier", "rfft", "irfft"), _transformed),
    "input": _input, "full": _full, "iota": _iota, "size": _size, "broadcast": _broadcast,
    "squeeze": _squeeze, "transpose": _transpose, "reshape": _reshape, "refine": _operand, "assume": _operand,
    "stretch": _operand, "unstretch": _operand,
    "slice": _slice, "pad": _pad, "concatenate": _concatenate, "diagonal": _diagonal,
    "cumsum": _cumulative, "cumprod": _cumulative, "cummax": _cumulative, "cummin": _cumulative,
    "logcumsumexp": _cumulative, "sort": _sorted, "argsort": _sorted,
    "partition": _parted, "argpartition": _parted,
    "searchsorted": _searchsorted, "convolution": _convolution, "ldexp": _ldexp,
    "pick": _pick, "gather": _gathered, "matmul": _matmul, "gemm": _gemm, "keep": _keep,
    "complex": _complex,
}  # fmt: skip


# ------------------------------------------------------------------------------------------- names
def named_inputs(order: Sequence[Expr], taken: Sequence[str]) -> dict[Expr, str]:
    """A Python name for each input, and for each captured array that is not written out."""
    names: dict[Expr, str] = {}
    used = {*taken, *keyword.kwlist, "min", "max", "float"}
    for node in order:
        if node.op is not OPS["input"]:
            continue
        array = captured_array(node)
        if array is not None and array.size <= LITERAL_ARRAY:
            continue
        base = re.sub(r"\W", "_", node["name"]) or "x"
        base = f"_{base}" if base[0].isdigit() else base
        name, number = base, 1
        while name in used:
            number += 1
            name = f"{base}_{number}"
        used.add(name)
        names[node] = name
    return names


def size_places(inputs: Mapping[Expr, str]) -> dict[str, str]:
    """Where each size is found: ``n`` -> ``x.shape[0]``."""
    found: dict[str, str] = {}
    for leaf, name in inputs.items():
        for axis, size in enumerate(leaf.shape):
            if isinstance(size, SizeTerm) and len(size.terms) == 1:
                monomial, c = size.terms[0]
                if c == 1 and len(monomial) == 1 and isinstance(monomial[0], Symbol):
                    found.setdefault(monomial[0].name, f"{name}.shape[{axis}]")
    return found
