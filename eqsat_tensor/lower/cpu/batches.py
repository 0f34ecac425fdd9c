"""Kernels -> images: those that are new are compiled some at a time, equal ones once a process.

A module takes LLVM 2 ms before it does anything, and functions that its kernels call (sin, power) are
compiled once for all of them: 150 different kernels 2.9 s each by itself, 1.6 s by 32.  What is made of a
kernel does not depend on what else is in its module.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.emit import Module, module_text
from eqsat_tensor.lower.cpu.external import symbols_of
from eqsat_tensor.lower.cpu.images import Image

Kernel = tuple[Image, str]  # the image that holds a kernel, and its name there

BATCH = 32  # kernels of an image, at most
TEXT = 1 << 18  # characters of their bodies from which on an image takes no more
KEPT = 1024  # kernels whose images are kept for programs to come
_kernels: OrderedDict[tuple[str, int], Kernel] = OrderedDict()  # by name and level


@dataclass
class Batch:
    """Kernels that are compiled together: by name of each its body, and what they declare."""

    bodies: dict[str, str] = field(default_factory=dict)
    declared: dict[str, str] = field(default_factory=dict)

    def takes(self, declared: Mapping[str, str]) -> bool:
        """Is there room for a kernel that declares this?"""
        full = len(self.bodies) >= BATCH or sum(map(len, self.bodies.values())) >= TEXT
        agree = all(self.declared.get(name, text) == text for name, text in declared.items())
        return agree and not full

    def compiled(self, level: int) -> Image:
        """Their image."""
        code = jit.compile_object(module_text(self.declared, self.bodies), level)
        return Image(code, tuple(self.bodies), symbols_of(self.declared))


def compiled(module: Module, level: int) -> dict[str, Kernel]:
    """The kernels of a module, by name.  level: of code generation, 0 to 3."""
    known_as = {name: f"kernel_{_digest(module.alone(name))}" for name in module.names}
    with jit.LOCK:
        new = [name for name, symbol in known_as.items() if (symbol, level) not in _kernels]
        for batch in _batches(module, {name: known_as[name] for name in new}):
            image = batch.compiled(level)
            _kernels.update({(symbol, level): (image, symbol) for symbol in image.symbols})
        found = {name: _kernels[symbol, level] for name, symbol in known_as.items()}
        while len(_kernels) > KEPT:
            _kernels.popitem(last=False)
        return found


def _batches(module: Module, names: Mapping[str, str]) -> Iterator[Batch]:
    batch = Batch()
    for name, symbol in names.items():
        body, declared = module.parts[name]
        if not batch.takes(declared):
            yield batch
            batch = Batch()
        batch.bodies[symbol] = body
        batch.declared |= declared
    if batch.bodies:
        yield batch


def images_of(kernels: Sequence[Kernel]) -> tuple[Image, ...]:
    """The images that hold these kernels, each once."""
    return tuple({id(image): image for image, _ in kernels}.values())


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]
