"""The machine's figures: measured when asked, kept whole, read once, part of every key."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor import calibrate, calibration
from eqsat_tensor import compile as pipeline
from eqsat_tensor.cli import app
from eqsat_tensor.egraph.graph import Graph, Node
from eqsat_tensor.extract.cost import CostModel
from eqsat_tensor.lower.cpu import pool
from eqsat_tensor.machine import DEFAULT, Profile
from eqsat_tensor.types import TensorType

OTHER = dataclasses.replace(
    DEFAULT, unit=0.5, products=((10.0, 4.0), (1000.0, 1.0)), bandwidth=((1e3, 8.0),), source="here"
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A file of figures of this test's own, looked for anew."""
    path = tmp_path / "cache" / "profile.json"
    monkeypatch.setattr(calibration, "profile_path", lambda target="cpu": path)
    calibration.profile_for.cache_clear()
    yield path
    calibration.profile_for.cache_clear()


def test_figures_come_back_from_their_file(place):
    assert calibration.profile() is DEFAULT
    calibration.keep_profile(OTHER)
    assert calibration.profile() is DEFAULT  # while a process runs, its prices stay
    calibration.profile_for.cache_clear()
    assert calibration.profile() == OTHER
    assert [p.name for p in place.parent.iterdir()] == ["profile.json"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "nonsense", OTHER.to_json().replace("0.5", "-0.5"), OTHER.to_json()[:-9],
     OTHER.to_json().replace("0.5", "NaN"), OTHER.to_json().replace('"unit"', '"until"'),
     DEFAULT.to_json().replace("64000.0", "1e12"), OTHER.to_json().replace("8.0", '"x"')],
)  # fmt: skip
def test_a_damaged_file_gives_a_warning_and_the_shipped_figures(place, text):
    place.parent.mkdir()
    place.write_text(text)
    with pytest.warns(RuntimeWarning, match="needs figures that `eqsat calibrate` wrote"):
        assert calibration.profile() is DEFAULT


def test_figures_are_part_of_the_key_of_code(place):
    def key():
        f = et.function([x := et.tensor("x", shape=("n",), dtype="float64")], et.exp(x))
        return pipeline.cache_key(f.variant.normal, f.variant.options, {"n": 4}).text()

    shipped = key()
    calibration.keep_profile(OTHER)
    calibration.profile_for.cache_clear()
    own = key()
    assert own != shipped
    assert own == key()


def test_the_model_prices_by_the_figures(place):
    def price(figures, order):
        square = TensorType(np.dtype("float64"), (order, order))
        node = Node("matmul", (0, 1), (), False, 2)
        graph = Graph((node,), (square, square, square), (2,), ((), (), (0,)), {}, {})
        return CostModel(figures)(node, graph)

    dear = dataclasses.replace(DEFAULT, products=((16.0, 1.0), (2e9, 1.0)))
    assert price(dear, 100) == pytest.approx(DEFAULT.call + 2e6)
    assert price(DEFAULT, 100) == pytest.approx(DEFAULT.call + 2e6 * DEFAULT.flop)
    assert price(OTHER, 0) > 0


def test_a_curve_is_log_linear_between_its_points_and_flat_beyond():
    assert OTHER.of_flop(100.0) == pytest.approx(2.0)
    assert (OTHER.of_flop(0.0), OTHER.of_flop(1e30)) == (4.0, 1.0)
    assert DEFAULT.of_flop(5.0) == DEFAULT.flop


def test_the_roofline_takes_the_level_that_holds_the_bytes():
    (size, fast), (_, slow) = DEFAULT.bandwidth[:2]
    assert DEFAULT.roofline(0.0, size) == size / fast
    assert DEFAULT.roofline(0.0, size + 1) == (size + 1) / slow
    assert DEFAULT.roofline(0.0, 1e12) == 1e12 / DEFAULT.bandwidth[-1][1]
    assert DEFAULT.roofline(1e6, 0.0) == 1e6 / DEFAULT.peak


def test_measuring_gives_a_profile_that_can_be_kept(place, monkeypatch):
    monkeypatch.setattr(calibrate, "ROUND", 1e-5)
    monkeypatch.setattr(calibrate, "ROUNDS", 1)
    monkeypatch.setattr(calibrate, "SIZES", (1 << 14, 1 << 16))
    monkeypatch.setattr(calibrate, "BUSY", math.inf)
    monkeypatch.setattr(calibrate, "LARGE_ARRAY", 1 << 16)
    threads, heard = pool.pool().threads, []
    figures = calibrate.measure(heard.append)
    assert pool.pool().threads == threads
    assert heard == ["arithmetic", "calls", "memory", "levels of memory", "matrix products"]
    assert Profile.from_json(figures.to_json()) == figures
    assert figures.source.startswith("measured on ")
    assert [at for at, _ in figures.bandwidth] == [1 << 14, 1 << 16]
    assert list(figures.bandwidth) == sorted(figures.bandwidth, key=lambda pair: -pair[1])
    assert not place.exists()


def test_the_command_keeps_what_was_measured_and_goes_back(place, monkeypatch):
    from typer.testing import CliRunner

    monkeypatch.setattr(calibrate, "measure", lambda told: (told("arithmetic"), OTHER)[1])
    assert "0.5" in CliRunner().invoke(app, ["calibrate", "--dry"]).output
    assert not place.exists()
    assert CliRunner().invoke(app, ["calibrate", "--json"]).exit_code == 0
    assert Profile.from_json(place.read_text()) == OTHER
    assert CliRunner().invoke(app, ["calibrate", "--reset"]).exit_code == 0
    assert not place.exists()


def test_a_compile_never_measures(place, monkeypatch):
    def refuse(*_):
        raise AssertionError("measured in a call")

    monkeypatch.setattr(calibrate, "measure", refuse)
    f = et.jit(lambda x: et.exp(x) + 11.5)
    assert f(np.zeros(2)).tolist() == [12.5, 12.5]
    assert not place.exists()
