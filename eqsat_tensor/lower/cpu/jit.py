"""LLVM IR text -> relocatable object -> addresses of machine code in this process.

In: text of a module (our own emitters write explicit vectors, so no middle-end pass is run: the
pipeline would double compile time and leak).  Out: the bytes of an object, which `runtime.cache`
may keep on disk, and the addresses of its functions.  Objects hold no absolute address; what lies
outside them is named and given to `load`, or is a symbol of the process (libm's ``sin``).

Everything here runs under one lock: llvmlite has its own global one, so nothing is lost.  It is
imported when the first thing is compiled or loaded (20-60 ms), not with this module.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

KERNEL_LEVEL = 1  # measured on kernels: no slower than level 2, with up to a quarter less codegen
GLUE_LEVEL = 1  # for the few functions compiled once per machine and kept on disk
# For those among them that run once for many microseconds of work: a fifth of the time.
RARE_LEVEL = 0
# A third of the time on loops over rows, and nothing gained: our loops count one index, by which
# x86 addresses memory as it is.
LEFT_OUT = "-disable-lsr"


class CompileError(RuntimeError):
    """LLVM refused a module or an object: a broken promise of our own emitters."""


@dataclass(frozen=True)
class Host:
    """The machine compiled for: LLVM's triple, CPU name and feature string."""

    triple: str
    cpu: str
    features: str


class Store(Protocol):
    """Where objects outlive the process, such as `eqsat_tensor.runtime.cache`."""

    def get(self, key: str) -> bytes | None:
        """The bytes put under `key`, or None."""

    def put(self, key: str, data: bytes) -> None:
        """Keep `data` under `key`."""


_store: Store | None = None
LOCK = threading.RLock()  # also for what is compiled once and cached by other modules
if hasattr(os, "register_at_fork"):
    # No compile is cut in two by a fork, and the child finds this lock, and LLVM's, free.
    os.register_at_fork(
        before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release
    )
KERNEL = "kernel"  # the function of a module that holds one
_numbers = count()
_alive: list[object] = []  # trackers: a library is unloaded when its tracker is collected


@cache
def _llvm() -> ModuleType:
    import llvmlite.binding

    return llvmlite.binding  # type: ignore[no-any-return]


@cache
def host() -> Host:
    """The machine that this process runs on."""
    llvm = _llvm()
    return Host(
        llvm.get_process_triple(),
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
    )


@cache
def _start() -> None:
    llvm = _llvm()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


def _new_machine(level: int) -> Any:
    _start()
    here = host()
    # "jitdefault" is LLVM's large code model: objects may lie anywhere, far from what they call.
    return (
        _llvm()
        .Target.from_triple(here.triple)
        .create_target_machine(
            cpu=here.cpu, features=here.features, opt=level, codemodel="jitdefault"
        )
    )


@cache
def _machine(level: int) -> Any:
    return _new_machine(level)


@cache
def _linker() -> Any:
    # The linker takes its target machine away, so it gets one of its own.
    return _llvm().create_lljit_compiler(_new_machine(KERNEL_LEVEL), suppress_errors=True)


def vector_bytes() -> int:
    """Width in bytes of the widest vector register of this machine: 64, 32 or 16."""
    features = set(host().features.split(","))
    if "+avx512f" in features:
        return 64
    return 32 if "+avx2" in features else 16


def target_key() -> str:
    """All that machine code depends on besides its text; part of every cache key."""
    import llvmlite

    here = host()
    version = ".".join(map(str, _llvm().llvm_version_info))
    packages = f"llvmlite-{llvmlite.__version__} llvm-{version}"
    return f"{here.triple} {here.cpu} {here.features} {packages} {LEFT_OUT}"


def source(name: str) -> str:
    """The text of an IR file beside this module."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def compile_object(text: str, opt: int = KERNEL_LEVEL) -> bytes:
    """Compile a module to a relocatable object.

    text: LLVM IR of one module, without a triple.  opt: level of code generation, 0 to 3.
    Raises CompileError, with LLVM's message, if the text is no valid module.
    """
    return bytes(_compiled(text, opt, "emit_object"))


def assembly(text: str, opt: int = KERNEL_LEVEL) -> str:
    """The machine code that `compile_object` makes, as text."""
    return str(_compiled(text, opt, "emit_assembly"))


def _compiled(text: str, opt: int, form: str) -> Any:
    with LOCK:
        machine = _machine(opt)
        try:
            module = _llvm().parse_assembly(text)
        except RuntimeError as error:
            raise CompileError(f"compile_object: {error}") from error
        with module:  # freed under our lock: freeing takes llvmlite's, and a fork must find it free
            try:
                module.verify()
            except RuntimeError as error:
                raise CompileError(f"compile_object: {error}") from error
            module.triple = host().triple
            with _left_out():
                return getattr(machine, form)(module)


@contextmanager
def _left_out() -> Iterator[None]:
    """Without the pass `LEFT_OUT`; the switch is the process's, and so given back to others (Numba)."""
    _llvm().set_option("", f"{LEFT_OUT}=true")
    try:
        yield
    finally:
        _llvm().set_option("", f"{LEFT_OUT}=false")


def use_store(store: Store | None) -> None:
    """Let `stored_object` look for objects in `store`, and put there what it compiles.

    `runtime.native` names the disk cache when it is imported.
    """
    global _store
    _store = store


def stored_object(text: str, opt: int = KERNEL_LEVEL) -> bytes:
    """As `compile_object`, but compiled once per machine if `use_store` was given a store."""
    if _store is None:
        return compile_object(text, opt)
    key = sha256(f"object {opt} {target_key()}\n{text}".encode()).hexdigest()
    found = _store.get(key)
    if found is None:
        found = compile_object(text, opt)
        _store.put(key, found)
    return found


def load(
    objects: Sequence[bytes], names: Sequence[str], symbols: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Link objects into this process and give the addresses of the functions `names`.

    symbols: addresses of what the objects use and do not define; beyond these they see one
    another and the process (the C library, the interpreter), no object loaded by another call.
    The code stays loaded until the process ends.
    Raises CompileError if a symbol is missing, defined twice, or an object is damaged.
    """
    return _link(objects, names, {**half_conversions(), **(symbols or {})})


@cache
def half_conversions() -> Mapping[str, int]:
    """What LLVM calls to convert float16 where the machine has no instructions for it."""
    features = host().features.split(",")
    if "+f16c" in features:
        return {}
    item = stored_object(source("half.ll"), GLUE_LEVEL)
    return _link([item], ["__extendhfsf2", "__truncsfhf2"], {})


def _link(
    objects: Sequence[bytes], names: Sequence[str], symbols: Mapping[str, int]
) -> dict[str, int]:
    builder = _llvm().JITLibraryBuilder()
    for item in objects:
        builder.add_object_img(item)
    builder.add_current_process()
    for symbol, address in symbols.items():
        builder.import_symbol(symbol, address)
    for name in names:
        builder.export_symbol(name)
    with LOCK:
        try:
            tracker = builder.link(_linker(), f"eqsat{next(_numbers)}")
        except RuntimeError as error:
            raise CompileError(f"load: {error}") from error
        _alive.append(tracker)
    return {name: int(tracker[name]) for name in names}
