"""numpy.fft on tensors: NumPy's values, dtypes, shapes and errors; derivatives; batches; texts."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import DtypeError, ShapeError
from eqsat_tensor.namespace.fourier import FOURIER
from tests.modes import MODES

RNG = np.random.default_rng(11)
FREQUENCIES = ("fftfreq", "rfftfreq")
OF_REAL = ("rfft", "rfft2", "rfftn", "ihfft")
OF_AXES = ("fft2", "ifft2", "fftn", "ifftn", "rfft2", "rfftn", "irfft2", "irfftn")
DTYPES = ("f8", "f4", "c16", "c8", "i4", "?", "f2")
TRANSFORMS = tuple(n for n in np.fft.__all__ if n not in FREQUENCIES and not n.endswith("shift"))


def drawn(dtype, *shape):
    """Normal numbers, of both parts where they are complex."""
    x = RNG.normal(size=shape) * 3
    return (x + 1j * RNG.normal(size=shape)).astype(dtype) if dtype[0] == "c" else x.astype(dtype)


def same(got, want, tolerance=None):
    """Within `tolerance` of the largest element: an element of a transform may cancel."""
    got, want = np.asarray(got), np.asarray(want)
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    narrow = {"e": 3e-3, "f": 3e-6, "F": 3e-6}.get(want.dtype.char, 1e-14)
    scale = max(1.0, np.abs(want).max(initial=0))
    np.testing.assert_allclose(got, want, rtol=0, atol=(tolerance or narrow) * scale)


def test_all_of_numpys_are_there():
    assert set(FOURIER) == set(np.fft.__all__)
    assert set(dir(et.fft)) == set(np.fft.__all__)
    x = drawn("f8", 5)
    np.testing.assert_array_equal(et.fft.rfft(x), np.fft.rfft(x))  # of arrays alone NumPy's own
    with pytest.raises(AttributeError, match="no attribute 'dct'"):
        et.fft.dct  # noqa: B018


@MODES
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_they_give_what_numpy_gives(name, dtype, mode):
    if name in OF_REAL and dtype[0] == "c":
        pytest.skip("of real numbers only")
    x = drawn(dtype, 3, 8, 5)
    function = getattr(np.fft, name)
    uses = [{}, {"norm": "ortho"}, {"norm": "forward"}]
    if name in OF_AXES:
        uses += [{"axes": (1, 0)}, {"s": (4, 6), "axes": (-1, 1)}, {"axes": (2,)}]
    else:
        uses += [{"axis": 0}, {"n": 3, "axis": 1}, {"n": 12, "axis": 1, "norm": "ortho"}, {"n": 1}]
    tolerance = 3e-3 if dtype == "f2" else None  # NumPy divides by numbers of the narrowest dtype
    f = et.jit(lambda a: [function(a, **use) for use in uses], mode=mode)
    for got, use in zip(f(x), uses, strict=True):
        same(got, function(x, **use), tolerance)


@MODES
def test_sizes_that_are_known_at_run_time(mode):
    f = et.jit(
        lambda a: (
            et.fft.irfft(et.fft.rfft(a, norm="ortho"), a.shape[0], norm="ortho"),
            et.fft.fftshift(a),
            et.fft.ifftshift(a),
            et.fft.fftfreq(a.shape[0], 0.1),
            et.fft.rfftfreq(a.shape[0]),
        ),
        mode=mode,
    )
    for n in (1, 2, 7, 12):
        x = drawn("f8", n)
        back, shifted, unshifted, frequencies, half = f(x)
        same(back, x)
        same(shifted, np.fft.fftshift(x), 1e-300)
        same(unshifted, np.fft.ifftshift(x), 1e-300)
        same(frequencies, np.fft.fftfreq(n, 0.1))
        same(half, np.fft.rfftfreq(n))


def test_shifts_along_some_axes():
    x = drawn("f8", 4, 5, 3)
    for axes in (None, 1, (0, 2), (-1,)):
        for way in (np.fft.fftshift, np.fft.ifftshift):
            got = et.jit(lambda a, axes=axes, way=way: way(a, axes=axes))(x)
            np.testing.assert_array_equal(got, way(x, axes=axes))


def test_empty_batches_and_odd_values():
    f = et.jit(lambda a: np.fft.fft(a, axis=1))
    assert f(np.zeros((0, 4))).shape == (0, 4)
    with np.errstate(invalid="ignore"):
        assert not np.isfinite(f(np.array([[1.0, np.inf, 0.0]]))).any()
    x = drawn("f8", 12, 9)[::2, ::-1]
    same(f(x), np.fft.fft(x, axis=1))


@pytest.mark.parametrize(
    ("function", "x", "error", "text"),
    [
        (np.fft.rfft, 1j * np.ones(3), DtypeError, "fft.rfft: needs real numbers"),
        (np.fft.fft, np.ones(()), ShapeError, "fft.fft: needs an axis"),
        (lambda a: np.fft.fft(a, axis=2), np.ones((2, 2)), ShapeError, "axis=2"),
        (lambda a: np.fft.fft(a, 0), np.ones(3), ValueError, r"Invalid number of FFT data points \(0\)"),
        (lambda a: np.fft.fft(a, 1.5), np.ones(3), ShapeError, "a size as n"),
        (lambda a: np.fft.fft(a, norm="both"), np.ones(3), ValueError, "norm='both'"),
        (lambda a: np.fft.fftn(a, (2,), (0, 1)), np.ones((2, 2)), ValueError, "different lengths"),
        (lambda a: np.fft.rfftn(a, axes=()), np.ones((2, 2)), ShapeError, "at least one axis"),
        (np.fft.fft, np.ones((2, 0)), ValueError, "data points"),
        (np.fft.irfft, np.ones(1), ValueError, "data points"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(function, x, error, text):
    with pytest.raises(error, match=text):
        et.jit(function)(x)


@pytest.mark.parametrize("n", [1, 2, 5, 6])
@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
def test_gradients(n, norm):
    x, turn = drawn("f8", 2, n, 3) / 8, np.exp(1j * np.arange(n // 2 + 1))[:, None]

    def filtered(a):
        half = et.fft.rfft(a, axis=1, norm=norm) * turn
        return et.sum(et.fft.irfft(half, n, axis=1, norm=norm) ** 3)

    def power(a):
        whole = et.fft.fft(a, axis=1, norm=norm)
        return et.sum(abs(et.fft.ifft(whole**2, axis=0, norm=norm)) ** 4)

    et.check_grad(filtered, (x,))
    et.check_grad(power, (x,))
    et.check_grad(lambda a: et.sum(et.fft.hfft(a + 2j * a, n + 1, axis=1, norm=norm) ** 2), (x,))


def test_the_gradient_of_complex_numbers_is_the_transform_of_the_cotangent():
    z = drawn("c16", 6)
    w = drawn("c16", 6)
    got = et.grad(lambda a: et.real(et.sum(et.fft.fft(a) * w)))(z)
    same(got, np.fft.fft(w))


def test_forward_mode_and_batches():
    x, t = drawn("f8", 4, 7), drawn("f8", 4, 7)
    for f, back in ((np.fft.fft, np.fft.ifft), (np.fft.rfft, lambda z: np.fft.irfft(z, 7))):
        _, tangent = et.jvp(lambda a, f=f: f(a), (x,), (t,))
        same(tangent, f(t))
        same(et.vmap(lambda a, f=f, back=back: back(f(a)))(x), back(f(x)))
        same(et.vmap(lambda a, f=f: f(a), in_axes=1)(x), f(x.T))


def test_texts_compute_the_same():
    x = et.tensor("x", ("n", "m"))
    a = drawn("f8", 3, 6)
    for made in (np.fft.fft(x, axis=0), np.fft.irfft(np.fft.rfft(x)), np.fft.ifft(x, axis=0)):
        want = made.eval({x: a})
        for namespace, room in (("np", {"np": np}), ("et", {"et": et})):
            got = eval(et.pprint(made, namespace), {**room, "x": a})
            same(np.asarray(got), np.asarray(want))


def test_a_power_spectrum_has_no_root():
    f = et.jit(lambda a: np.abs(np.fft.rfft(a)) ** 2)
    x = drawn("f8", 50)
    same(f(x), np.abs(np.fft.rfft(x)) ** 2)
    assert "hypot" not in f.explain().after
