"""What a machine does in how many nanoseconds: the figures that the cost model prices by.

`DEFAULT` is shipped; `calibration` measures this machine's own, once, when it is asked to.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeAlias

Curve: TypeAlias = tuple[tuple[float, float], ...]  # (at, figure), ascending


@dataclass(frozen=True)
class Profile:
    """What one core does in how many nanoseconds; what all cores do together at best.

    The shipped figures were measured on Zen 4 (AVX-512, 2 cores, quiet) with the vector mathematics
    of `lower.cpu`: exp of float64 takes 0.69 ns an element, and 16 units; the library's
    512 x 512 x 512 product 190 GFLOP/s in float32 on two cores; a sum over 80 MB 46 GB/s on two.

    unit      one unit of `scalar.Primitive.cost` (a float64 addition on a vector), an element;
              half of it for 4-byte types, which go twice as many to a vector.
    element   what an element costs an elementwise op beside its arithmetic.
    node      what a node costs whatever its size: of equal programs the shorter one wins.
    view      a node that changes strides alone.
    flop      one multiplication or addition of a float64 product; half for 4-byte types.
    byte      one byte read or written that fusion does not avoid.
    call      one call of a library or of a nest of its own.
    gather    one element read through an index.
    host      one call of a library by way of Python.
    factor    one multiplication or addition of a factorisation or of a solution by one: of LAPACK's,
              0.05 to 0.2 ns were measured on 64 to 1000 rows, where products took 0.014 to 0.04.
    products  (flops of a float64 product, nanoseconds a flop): small products are dearer.  Where it
              is empty, all cost `flop` and `call`.
    bandwidth (bytes of a working set, bytes a nanosecond on all cores): a step for each level of
              the memory, the last for all that is larger.
    peak      flops a nanosecond of float64 products on all cores: nothing does more arithmetic.
    source    "shipped", or what was measured where and when.
    """

    unit: float = 0.045
    element: float = 0.02
    node: float = 1.0
    view: float = 0.1
    flop: float = 0.02
    byte: float = 0.04
    call: float = 300.0
    gather: float = 1.0
    host: float = 10_000.0
    factor: float = 0.1
    products: Curve = ()
    bandwidth: Curve = ((64e3, 400.0), (2e6, 200.0), (32e6, 100.0), (1e9, 46.0))
    peak: float = 100.0
    source: str = "shipped"

    def of_flop(self, flops: float) -> float:
        """Nanoseconds of a flop of a float64 product of so many: log-linear between what was measured."""
        if not self.products:
            return self.flop
        return _between(self.products, flops)

    def bytes_a_nanosecond(self, working_set: float) -> float:
        """What the level of memory that holds so many bytes gives all cores."""
        sizes = [size for size, _ in self.bandwidth]
        return self.bandwidth[min(bisect_left(sizes, working_set), len(sizes) - 1)][1]

    def roofline(self, units: float, moved: float) -> float:
        """The least nanoseconds that all cores take for so much arithmetic (float64) on so many bytes."""
        return max(units / self.peak, moved / self.bytes_a_nanosecond(moved))

    def to_json(self) -> str:
        """The figures as text."""
        return json.dumps(asdict(self), indent=1)

    @staticmethod
    def from_json(text: str) -> Profile:
        """The figures again.  Raises ValueError on what `to_json` did not make."""
        record = json.loads(text)
        names = {f.name for f in fields(Profile)}
        if not isinstance(record, dict) or record.keys() != names:
            raise ValueError(f"profile: needs {', '.join(sorted(names))}.")
        made = {name: _figure(name, value) for name, value in record.items()}
        return Profile(**made)


DEFAULT = Profile()

# An H200: 4.8 TB/s, 67 TFLOP/s of float64 products and as many of float32 (NVIDIA's data sheet;
# not measured here), of which products and streams reach about 0.9.  Arithmetic is nearly free beside
# memory, a launch is dear, and what goes to the host and back is dearest.
CUDA = Profile(
    unit=1e-4,
    element=2e-4,
    node=1.0,
    view=0.1,
    flop=1.7e-5,
    byte=2.3e-4,
    call=4000.0,
    gather=2e-3,
    host=50_000.0,
    factor=1e-3,
    bandwidth=((50e6, 10_000.0), (1e9, 4800.0)),
    peak=67_000.0,
)


def _figure(name: str, value: Any) -> Any:
    if name == "source":
        return str(value)
    if name in ("products", "bandwidth"):
        curve = tuple((float(at), float(figure)) for at, figure in value)
        good = list(curve) == sorted(curve) and (curve or name == "products")
        if not good or not all(0 < x < math.inf for pair in curve for x in pair):
            raise ValueError(f"profile: {name} needs ascending pairs of positive numbers.")
        return curve
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"profile: {name} needs a positive number; got {value!r}.")
    return float(value)


def _between(curve: Curve, at: float) -> float:
    """The figure of a curve at a place, log-linear; at its ends as measured there."""
    places = [place for place, _ in curve]
    k = bisect_left(places, at)
    if k == 0 or k == len(curve):
        return curve[min(k, len(curve) - 1)][1]
    (left, low), (right, high) = curve[k - 1], curve[k]
    share = math.log(at / left) / math.log(right / left)
    return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
