"""The disk cache: bytes under a key, for whatever is dear to make and safe to lose.

One file an entry, named by its key (sha256 in hex).  A file is private, holds a magic word, the
digest of its contents and the contents, and appears by an atomic rename: readers see a whole entry
or none.  What is damaged is a miss and is removed.  Nothing is unpickled or executed here; objects
of machine code are, later, so a directory that others may write is not used.

The directory is EQSAT_CACHE_DIR, or else the user's cache directory; where it cannot be written,
one warning is given and everything is compiled anew in each process.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
import warnings
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

LIMIT = 512 * 2**20  # bytes; the least recently used entries go first
_MAGIC = b"eqsat1\n\x00"
_DIGEST = 32
_FOLDERS = 256  # by the first two digits of keys
_KEY_LENGTH = 64
_NEW = ".new-"  # begins the name of what is not whole yet
_ABANDONED = 3600 * 10**9  # nanoseconds after which its writer is taken for dead


@dataclass(frozen=True)
class Info:
    """What a cache holds."""

    directory: Path
    entries: int
    size: int  # bytes
    limit: int  # bytes


class Cache:
    """A directory of entries; safe to share between threads and processes."""

    def __init__(self, directory: Path, limit: int = LIMIT) -> None:
        self.directory = directory
        self.limit = limit
        self._warned = False

    def get(self, key: str) -> bytes | None:
        """The bytes put under `key`, or None; a damaged entry is removed."""
        path = self._path(key)
        try:
            with open(path, "rb") as file:
                status = os.fstat(file.fileno())
                found = file.read()
        except OSError:
            return None
        if not self._is_private(status):
            return None
        data = found[len(_MAGIC) + _DIGEST :]
        if found != _frame(data):
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the time of last use, for `trim`
        return data

    def put(self, key: str, data: bytes) -> None:
        """Keep `data` under `key`; a directory that cannot be written gives one warning."""
        import tempfile  # 3 ms, for who writes

        path = self._path(key)
        try:
            self._make_directory(path.parent)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=_NEW)  # mode 0600
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_frame(data))
                os.replace(name, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(name)
                raise
        except OSError as error:
            self._warn(error)
            return
        if self._is_crowded(path.parent):
            self.trim()

    def info(self) -> Info:
        """Number and size of the entries."""
        entries = self._entries()
        return Info(self.directory, len(entries), sum(size for _, size, _ in entries), self.limit)

    def _is_crowded(self, folder: Path) -> bool:
        """Does a folder hold more than its share of the limit?

        Keys are digests, so one folder tells of all: a look at each of 5,000 entries takes 0.1 s, and
        a compile waits for it.  What writers left that were killed goes on the way, once it is so old
        that nobody writes it any more.
        """
        size, before = 0, time.time_ns() - _ABANDONED
        with contextlib.suppress(OSError), os.scandir(folder) as found:
            for entry in found:
                with contextlib.suppress(OSError):
                    status = entry.stat()
                    size += status.st_size
                    if entry.name.startswith(_NEW) and status.st_mtime_ns < before:
                        os.unlink(entry.path)
        return size * _FOLDERS > self.limit

    def trim(self) -> None:
        """Remove the least recently used entries until three quarters of the limit are left."""
        entries = self._entries()
        size = sum(size for _, size, _ in entries)
        if size <= self.limit:
            return
        for _, entry_size, path in sorted(entries):
            if size <= self.limit * 3 // 4:
                return
            with contextlib.suppress(OSError):
                path.unlink()
            size -= entry_size

    def clear(self) -> None:
        """Remove all entries, and nothing else that may lie in the directory."""
        for _, _, path in self._entries(unfinished=True):
            with contextlib.suppress(OSError):
                path.unlink()

    def _path(self, key: str) -> Path:
        assert len(key) == _KEY_LENGTH, key
        assert set(key) <= set("0123456789abcdef"), key
        return self.directory / key[:2] / key[2:]

    def _entries(self, unfinished: bool = False) -> list[tuple[int, int, Path]]:
        """Time of last use, size, path of each entry; optionally also what a crash left behind."""
        entries: list[tuple[int, int, Path]] = []
        for path in self.directory.glob("[0-9a-f][0-9a-f]/*"):
            is_entry = len(path.name) == _KEY_LENGTH - 2
            if not is_entry and not (unfinished and path.name.startswith(_NEW)):
                continue
            with contextlib.suppress(OSError):
                status = path.stat()
                entries.append((status.st_mtime_ns, status.st_size, path))
        return entries

    def _make_directory(self, path: Path) -> None:
        if not path.is_dir():
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.mkdir(mode=0o700, exist_ok=True)
        for part in (self.directory, path):
            status = part.stat()
            if not self._is_private(status):
                raise PermissionError(f"{part}: others may write there")

    @staticmethod
    def _is_private(status: os.stat_result) -> bool:
        """Is it ours (or root's), and can nobody else write it?"""
        if os.name != "posix":
            return True
        mine = status.st_uid in (0, os.getuid())
        return mine and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)

    def _warn(self, error: OSError) -> None:
        if self._warned:
            return
        self._warned = True
        warnings.warn(
            f"cache: needs a writable private directory; got {self.directory} ({error}). "
            "Set EQSAT_CACHE_DIR. Compiled code is not kept between processes.",
            RuntimeWarning,
            stacklevel=3,
        )


def _frame(data: bytes) -> bytes:
    return _MAGIC + sha256(data).digest() + data


@cache
def default_cache() -> Cache:
    """The cache of this process."""
    asked = os.environ.get("EQSAT_CACHE_DIR")
    if asked:
        return Cache(Path(asked).expanduser())
    from platformdirs import user_cache_dir

    return Cache(Path(user_cache_dir("eqsat_tensor")))


def get(key: str) -> bytes | None:
    """The bytes put under `key` (sha256 in hex) in the cache of this process, or None."""
    return default_cache().get(key)


def put(key: str, data: bytes) -> None:
    """Keep `data` under `key` (sha256 in hex) in the cache of this process."""
    default_cache().put(key, data)


def info() -> Info:
    """What the cache of this process holds."""
    return default_cache().info()


def clear() -> None:
    """Empty the cache of this process."""
    default_cache().clear()
