"""`make demo`: handwritten digits, learned by code that is compiled from the formulas as written.

Logistic regression and a network with one hidden layer, on scikit-learn's 1,797 images of 8 x 8.
The loss is spelled naively, its gradient is asked for, and both must come out right: the run fails
where an accuracy bound is missed, a loss is not finite, or a value is not what mpmath says.
Writes demo.json and demo.html into the current directory.

Settings (rates, epochs, units) were chosen on parts of the training images; nothing was tuned on
the test images, a stratified fifth.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
from page import page
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import eqsat_tensor as et

SEEDS = (0, 1, 2)
BATCH = 60
CLASSES = 10
SCALE = 1000.0  # of the inputs, in the epoch that makes naive NumPy overflow
ROWS = 5  # how many rows of that epoch mpmath checks
ROUNDS, STEPS = 31, 20  # of timing: medians over rounds of so many steps

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Model:
    """A classifier: `hidden` units of tanh, or none, and what its median accuracy must reach."""

    name: str
    hidden: int
    rate: float
    epochs: int
    bound: float


MODELS = (
    Model("logistic regression", hidden=0, rate=1.0, epochs=60, bound=0.95),
    Model("network", hidden=300, rate=0.5, epochs=200, bound=0.97),
)


@dataclass(frozen=True)
class Digits:
    """Images as rows of 64 values in [0, 1], and their labels."""

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray


def digits() -> Digits:
    """The data set, shuffled and split in proportion: four fifths to learn from, one to test."""
    data = load_digits()
    images = (data.data / 16).astype("float32")
    parts = train_test_split(
        images, data.target.astype("int64"), test_size=0.2, stratify=data.target, random_state=0
    )
    train_x, test_x, train_y, test_y = parts
    return Digits(train_x, train_y, test_x, test_y)


def initial(model: Model, seed: int) -> Arrays:
    """Parameters to start from."""
    random = np.random.default_rng(seed)
    if not model.hidden:
        return {"w": np.zeros((64, CLASSES), "float32"), "b": np.zeros(CLASSES, "float32")}
    inner = random.normal(size=(64, model.hidden)) * 0.4
    outer = random.normal(size=(model.hidden, CLASSES)) / np.sqrt(model.hidden)
    return {
        "v": inner.astype("float32"),
        "c": np.zeros(model.hidden, "float32"),
        "w": outer.astype("float32"),
        "b": np.zeros(CLASSES, "float32"),
    }


def batches(count: int, seed: int, epoch: int) -> Iterator[np.ndarray]:
    """The images of an epoch in random order, in full batches."""
    order = np.random.default_rng((seed, epoch)).permutation(count)
    for start in range(0, count - BATCH + 1, BATCH):
        yield order[start : start + BATCH]


# ------------------------------------------------------------------------- the formulas, compiled
def logits(x: Any, p: dict[str, Any], xp: Any) -> Any:
    """The scores of each class; `xp` is `et` or `np`: the same text for both."""
    hidden = xp.tanh(x @ p["v"] + p["c"]) if "v" in p else x
    return hidden @ p["w"] + p["b"]


def log_likelihood(z: Any, labels: Any, xp: Any) -> Any:
    """log of the softmax at the labels, as the book has it: overflows where a score exceeds 88."""
    p = xp.exp(z) / xp.sum(xp.exp(z), axis=1, keepdims=True)
    return xp.log(p)[xp.arange(z.shape[0]), labels]


class Compiled:
    """A model with its parameters as state: one call is one step of gradient descent."""

    def __init__(self, model: Model, start: Arrays) -> None:
        x = et.tensor("x", shape=("n", 64), dtype="float32")
        labels = et.tensor("labels", shape=("n",), dtype="int64")
        self.state = {name: et.shared(value, name=name) for name, value in start.items()}
        z = logits(x, self.state, et)
        rows = log_likelihood(z, labels, et)
        loss = -et.mean(rows)
        shared = list(self.state.values())
        gradients = et.grad(loss, shared)
        updates = {s: s - model.rate * g for s, g in zip(shared, gradients, strict=True)}
        self.step = et.function([x, labels], loss, updates=updates, name="step")
        self.rows = et.function([x, labels], rows, name="rows")
        self.predict = et.function([x], et.argmax(z, axis=1), name="predict")

    def parameters(self) -> Arrays:
        return {name: s.get_value() for name, s in self.state.items()}


# ----------------------------------------------------------------------------- the same, by NumPy
def naive_loss(x: np.ndarray, labels: np.ndarray, p: Arrays) -> float:
    """The formula as written, in NumPy."""
    with np.errstate(all="ignore"):
        return float(-np.mean(log_likelihood(logits(x, p, np), labels, np)))


def numpy_step(p: Arrays, rate: float, x: np.ndarray, labels: np.ndarray) -> float:
    """One step with a gradient derived by hand, in the stable form that an expert would write."""
    hidden = np.tanh(x @ p["v"] + p["c"]) if "v" in p else x
    z = hidden @ p["w"] + p["b"]
    z -= z.max(axis=1, keepdims=True)
    e = np.exp(z)
    total = e.sum(axis=1, keepdims=True)
    rows = np.arange(len(x))
    loss = float(np.mean(np.log(total[:, 0]) - z[rows, labels]))
    d = e / total
    d[rows, labels] -= 1
    d /= len(x)
    if "v" in p:
        inner = (d @ p["w"].T) * (1 - hidden * hidden)
        p["v"] -= rate * (x.T @ inner)
        p["c"] -= rate * inner.sum(axis=0)
    p["w"] -= rate * (hidden.T @ d)
    p["b"] -= rate * d.sum(axis=0)
    return loss


# ------------------------------------------------------------------------------------ experiments
def train(model: Model, data: Digits, seed: int) -> dict[str, Any]:
    """Learn from the start; loss and test accuracy of each epoch."""
    begin = time.perf_counter()
    compiled = Compiled(model, initial(model, seed))
    built = time.perf_counter() - begin
    losses, accuracies = [], []
    first = None
    for epoch in range(model.epochs):
        total = []
        for rows in batches(len(data.train_x), seed, epoch):
            begin = time.perf_counter()
            total.append(float(compiled.step(data.train_x[rows], data.train_y[rows])))
            first = first or time.perf_counter() - begin
        losses.append(statistics.fmean(total))
        right = np.asarray(compiled.predict(data.test_x)) == data.test_y
        accuracies.append(float(right.mean()))
        if seed == SEEDS[0] or (epoch + 1) % (model.epochs // 4) == 0:
            print(
                f"  seed {seed}  epoch {epoch + 1:3}  loss {losses[-1]:.4f}  test {accuracies[-1]:.4f}"
            )
    return {
        "seed": seed,
        "losses": losses,
        "accuracies": accuracies,
        "compile_seconds": built + (first or 0.0),
        "compiled": compiled,
    }


def timing(model: Model, data: Digits) -> dict[str, float]:
    """Milliseconds a step, ours and NumPy's, taking turns."""
    compiled = Compiled(model, initial(model, 0))
    p = initial(model, 0)
    x, y = data.train_x[:BATCH], data.train_y[:BATCH]

    def milliseconds(step: Callable[[], Any]) -> float:
        begin = time.perf_counter()
        for _ in range(STEPS):
            step()
        return 1e3 * (time.perf_counter() - begin) / STEPS

    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(milliseconds(lambda: compiled.step(x, y)))
        theirs.append(milliseconds(lambda: numpy_step(p, model.rate, x, y)))
    return {"eqsat_ms": statistics.median(ours), "numpy_ms": statistics.median(theirs)}


def overflow(model: Model, data: Digits) -> dict[str, Any]:
    """The first epoch with inputs `SCALE` times as large; beside it, naive NumPy on each batch."""
    compiled = Compiled(model, initial(model, 0))
    ours, naive = [], []
    for rows in batches(len(data.train_x), 0, 0):
        x, y = data.train_x[rows] * np.float32(SCALE), data.train_y[rows]
        naive.append(naive_loss(x, y, compiled.parameters()))
        ours.append(float(compiled.step(x, y)))
    p = compiled.parameters()
    x, y = data.test_x * np.float32(SCALE), data.test_y
    got = np.asarray(compiled.rows(x, y), dtype=float)
    hardest = np.argsort(got)[:ROWS]  # the rows whose naive softmax underflows most
    x, y, got = x[hardest], y[hardest], got[hardest]
    checked = [exact_row(p, x[i], int(y[i])) for i in range(ROWS)]
    return {
        "losses": ours,
        "finite": bool(np.isfinite(ours).all() and all(np.isfinite(a).all() for a in p.values())),
        "naive_not_finite": int(np.sum(~np.isfinite(naive))),
        "batches": len(naive),
        "rows": [
            {"got": float(g), "mpmath": want, "tolerance": tolerance}
            for g, (want, tolerance) in zip(got, checked, strict=True)
        ],
    }


def exact_row(p: Arrays, x: np.ndarray, label: int) -> tuple[float, float]:
    """The log-likelihood of one row at 60 digits, and how far float32 may be off.

    The bound is that of the scores' sums of products: as many roundings as terms, each of the size
    of the terms; tanh is a contraction, so errors of the hidden layer pass on by |w| at most.
    """
    epsilon = 2.0**-24

    def affine(values: list[Any], w: np.ndarray, b: np.ndarray) -> tuple[list[Any], list[float]]:
        exact, bounds = [], []
        for k in range(w.shape[1]):
            terms = [v * mpmath.mpf(float(a)) for v, a in zip(values, w[:, k], strict=True)]
            exact.append(mpmath.fsum([*terms, mpmath.mpf(float(b[k]))]))
            size = mpmath.fsum([*terms, mpmath.mpf(float(b[k]))], absolute=True)
            bounds.append(float(size) * epsilon * (len(values) + 2))
        return exact, bounds

    with mpmath.workdps(60):
        hidden = [mpmath.mpf(float(v)) for v in x]
        passed = np.zeros(CLASSES)
        if "v" in p:
            hidden, errors = affine(hidden, p["v"], p["c"])
            slack = np.array([min(2.0, e) + 8 * epsilon for e in errors])
            hidden = [mpmath.tanh(h) for h in hidden]
            passed = slack @ np.abs(p["w"].astype(float))
        z, bounds = affine(hidden, p["w"], p["b"])
        total = mpmath.log(mpmath.fsum(mpmath.exp(v) for v in z))
        value = float(z[label] - total)
        return value, 2 * float(max(np.array(bounds) + passed)) + 8 * epsilon * (1 + abs(value))


# ------------------------------------------------------------------------------------------- main
def study(model: Model, data: Digits) -> dict[str, Any]:
    """Everything that is told about one model."""
    print(f"{model.name}: rate {model.rate}, {model.epochs} epochs, batches of {BATCH}")
    runs = [train(model, data, seed) for seed in SEEDS]
    compiled = runs[0].pop("compiled")
    for run in runs[1:]:
        run.pop("compiled")
    explanation = compiled.step.explain()
    count = 20
    result = {
        "name": model.name,
        "bound": model.bound,
        "runs": runs,
        "accuracy": statistics.median(r["accuracies"][-1] for r in runs),
        "timing": timing(model, data),
        "scaled": overflow(model, data),
        "rules": dict(explanation.rules),
        "origins": {line: list(names) for line, names in explanation.origins.items()},
        "before": explanation.before,
        "after": explanation.after,
        "kernels": explanation.kernels,
        "images": data.test_x[:count].tolist(),
        "labels": data.test_y[:count].tolist(),
        "predictions": np.asarray(compiled.predict(data.test_x[:count])).tolist(),
    }
    tell(result)
    return result


def tell(result: dict[str, Any]) -> None:
    """The figures of one model, in the terminal."""
    speed, scaled = result["timing"], result["scaled"]
    print(f"  median accuracy {result['accuracy']:.4f} (needs {result['bound']})")
    print(
        f"  a step {speed['eqsat_ms']:.3f} ms, by hand in NumPy {speed['numpy_ms']:.3f} ms: "
        f"{speed['numpy_ms'] / speed['eqsat_ms']:.2f} times as fast"
    )
    seconds = ", ".join(f"{run['compile_seconds']:.3f}" for run in result["runs"])
    print(f"  compile and first step {seconds} s (the first seed with an empty cache)")
    print(
        f"  inputs x {SCALE:.0f}: naive NumPy not finite in {scaled['naive_not_finite']} of "
        f"{scaled['batches']} batches; ours {'finite' if scaled['finite'] else 'NOT FINITE'}"
    )
    for row in scaled["rows"]:
        print(f"    log-likelihood {row['got']:.8g}, mpmath {row['mpmath']:.8g}")
    print("  rules: " + ", ".join(f"{name} x {n}" for name, n in result["rules"].items()))


def failures(results: list[dict[str, Any]]) -> list[str]:
    """What was promised and is not so."""
    found = []
    for r in results:
        if not r["accuracy"] >= r["bound"]:
            found.append(f"{r['name']}: median accuracy {r['accuracy']:.4f} is below {r['bound']}")
        if not all(np.isfinite(run["losses"]).all() for run in r["runs"]):
            found.append(f"{r['name']}: a training loss is not finite")
        if not r["scaled"]["finite"]:
            found.append(f"{r['name']}: with large inputs a loss or a parameter is not finite")
        for row in r["scaled"]["rows"]:
            if not abs(row["got"] - row["mpmath"]) <= row["tolerance"]:
                found.append(f"{r['name']}: a log-likelihood is wrong: {row}")
        if not r["rules"]:
            found.append(f"{r['name']}: no rule was used")
    if not any(r["scaled"]["naive_not_finite"] for r in results):
        found.append("naive NumPy was finite everywhere: the comparison shows nothing")
    return found


def figures(results: list[dict[str, Any]], found: list[str]) -> dict[str, Any]:
    """What demo.json holds: the figures, the network's where there is one for each model."""
    logistic, network = results
    return {
        "logistic_accuracy": logistic["accuracy"],
        "network_accuracy": network["accuracy"],
        "step_ms": network["timing"]["eqsat_ms"],
        "numpy_step_ms": network["timing"]["numpy_ms"],
        "logistic_step_ms": logistic["timing"]["eqsat_ms"],
        "logistic_numpy_step_ms": logistic["timing"]["numpy_ms"],
        "compile_s": network["runs"][0]["compile_seconds"],
        "scaled_loss_finite": all(r["scaled"]["finite"] for r in results),
        "naive_not_finite": {r["name"]: r["scaled"]["naive_not_finite"] for r in results},
        "rules": {r["name"]: r["rules"] for r in results},
        "runs": {
            r["name"]: [
                {
                    "seed": run["seed"],
                    "accuracies": run["accuracies"],
                    "losses": plain(run["losses"]),
                }
                for run in r["runs"]
            ]
            for r in results
        },
        "failures": found,
    }


def plain(losses: list[float]) -> list[float | None]:
    """Numbers as JSON has them: null where one is not finite."""
    return [loss if np.isfinite(loss) else None for loss in losses]


def main() -> int:
    """Run both studies, write the two files; the exit status says whether all bounds are met."""
    data = digits()
    with tempfile.TemporaryDirectory() as empty:
        os.environ["EQSAT_CACHE_DIR"] = empty  # so that the first compile is a cold one
        results = [study(model, data) for model in MODELS]
    found = failures(results)
    Path("demo.json").write_text(json.dumps(figures(results, found), indent=1, allow_nan=False))
    Path("demo.html").write_text(page(results, found))
    print("wrote demo.json and demo.html")
    for failure in found:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
