"""Loading a compiled extension module; and loading it anew, where a fork has taken its threads.

The engine hands work to threads of its own.  A forked child has the memory of its parent but not
those threads, and would wait for them for ever.  An extension has its state once for each file that
it is loaded from, so that a child loads a copy of the file.
"""

from __future__ import annotations

import importlib.util
import struct
import tempfile
from pathlib import Path
from types import ModuleType

_ELF64 = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_LOADED = 1  # PT_LOAD: a part of the file that is mapped


def load(name: str, path: Path) -> ModuleType:
    """The extension in a file, under a name, by no import of what lies around it."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, path
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_anew(name: str, path: Path) -> ModuleType:
    """The extension with a state of its own, whoever else in this process has loaded the file."""
    with tempfile.TemporaryDirectory(prefix="eqsat-") as folder:
        copy = Path(folder) / path.name
        with path.open("rb") as source:
            copy.write_bytes(source.read(_mapped_bytes(path)))
        return load(name, copy)  # the file may go: it is mapped


def _mapped_bytes(path: Path) -> int:
    """How much of the file is mapped when it is loaded: behind that lie 200 MB to debug it by."""
    with path.open("rb") as file:
        head = file.read(64)
        if head[:6] != _ELF64:
            return path.stat().st_size
        (table,) = struct.unpack_from("<Q", head, 32)
        entry_size, count = struct.unpack_from("<HH", head, 54)
        file.seek(table)
        entries = file.read(entry_size * count)
    end = 0
    for at in range(0, len(entries), entry_size):
        kind, _, offset, _, _, size = struct.unpack_from("<IIQQQQ", entries, at)
        if kind == _LOADED:
            end = max(end, offset + size)
    return end
