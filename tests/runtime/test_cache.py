"""Entries come back whole or not at all; the directory is private, bounded, and may be missing."""

import os
import stat
import subprocess
import sys
import warnings
from hashlib import sha256
from pathlib import Path

import pytest

from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.runtime import cache
from eqsat_tensor.runtime.cache import Cache
from tests.threads import in_threads


def key(i: int) -> str:
    return sha256(str(i).encode()).hexdigest()


def files(directory: Path) -> list[Path]:
    return [p for p in directory.rglob("*") if p.is_file()]


@pytest.fixture
def store(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 1000])
def test_what_is_put_is_got(store: Cache, data: bytes) -> None:
    assert store.get(key(1)) is None
    store.put(key(1), data)
    assert store.get(key(1)) == data
    assert Cache(store.directory).get(key(1)) == data
    store.put(key(1), b"other")
    assert store.get(key(1)) == b"other"


def test_files_and_directories_are_private(store: Cache) -> None:
    store.put(key(1), b"data")
    (path,) = files(store.directory)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(store.directory.stat().st_mode) == 0o700


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "append", "header"])
def test_a_damaged_entry_is_a_miss_and_is_removed(store: Cache, damage: str) -> None:
    store.put(key(1), b"some data")
    (path,) = files(store.directory)
    raw = bytearray(path.read_bytes())
    match damage:
        case "flip":
            raw[-1] ^= 1
        case "truncate":
            del raw[-3:]
        case "empty":
            raw.clear()
        case "append":
            raw += b"!"
        case "header":
            raw[0] ^= 1
    path.write_bytes(raw)
    assert store.get(key(1)) is None
    assert not path.exists()
    store.put(key(1), b"again")
    assert store.get(key(1)) == b"again"


def test_what_others_may_write_is_not_read(store: Cache) -> None:
    store.put(key(1), b"data")
    (path,) = files(store.directory)
    path.chmod(0o666)
    assert store.get(key(1)) is None
    path.chmod(0o600)
    assert store.get(key(1)) == b"data"


def test_a_directory_that_others_may_write_is_not_used(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    store = Cache(shared)
    with pytest.warns(RuntimeWarning, match="private"):
        store.put(key(1), b"data")
    assert store.get(key(1)) is None


def test_a_directory_that_cannot_be_made_gives_one_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    store = Cache(tmp_path / "file" / "cache")
    with pytest.warns(RuntimeWarning, match="EQSAT_CACHE_DIR"):
        store.put(key(1), b"data")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store.put(key(2), b"data")
    assert store.get(key(1)) is None
    assert store.info().entries == 0
    store.clear()


def test_the_least_recently_used_entries_go_first(tmp_path: Path) -> None:
    store = Cache(tmp_path / "cache", limit=10_000)
    for i in range(9):
        store.put(key(i), bytes(1000))
    for age, i in enumerate(range(9)):
        for path in files(store.directory):
            if path.parent.name + path.name == key(i):
                os.utime(path, ns=(age, age))
    assert store.get(key(0)) is not None  # used: now the youngest
    store.put(key(9), bytes(1000))
    store.trim()
    assert store.info().size <= store.limit * 3 // 4
    assert store.get(key(0)) is not None
    assert store.get(key(9)) is not None
    assert store.get(key(1)) is None


def test_clear_removes_entries_only(store: Cache) -> None:
    for i in range(5):
        store.put(key(i), b"data")
    other = store.directory / "mine.txt"
    other.write_text("mine")
    left_behind = next(p for p in store.directory.iterdir() if p.is_dir()) / ".new-crashed"
    left_behind.write_text("half")
    assert store.info().entries == 5
    store.clear()
    assert store.info().entries == 0
    assert files(store.directory) == [other]


def test_a_key_is_a_digest(store: Cache) -> None:
    for bad in ("", "../../etc/passwd", "A" * 64, "a" * 63):
        with pytest.raises(AssertionError):
            store.get(bad)


def test_threads_and_processes_share_a_directory(store: Cache) -> None:
    data = [bytes([i]) * 5000 for i in range(4)]
    seen: list[bool] = []

    def work() -> None:
        for i in range(100):
            store.put(key(i % 3), data[i % 4])
            found = store.get(key(i % 3))
            seen.append(found is None or found in data)

    in_threads(lambda _: work(), range(4))
    assert all(seen)
    assert not [p for p in files(store.directory) if p.name.startswith(".new-")]


def test_the_environment_names_the_directory(tmp_path: Path) -> None:
    code = "from eqsat_tensor.runtime import cache; cache.put('ab' * 32, b'x'); "
    code += "assert cache.get('ab' * 32) == b'x'; assert cache.info().entries == 1"
    environment = os.environ | {"EQSAT_CACHE_DIR": str(tmp_path / "here")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert len(files(tmp_path / "here")) == 1


def test_objects_are_compiled_once_a_machine(store: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "define i32 @seven() {\n  ret i32 7\n}\n"
    monkeypatch.setattr(jit, "_store", store)
    first = jit.stored_object(text)
    assert store.info().entries == 1
    monkeypatch.setattr(jit, "compile_object", None)  # would fail if called
    assert jit.stored_object(text) == first
    assert jit.load([first], ["seven"])["seven"]


def test_the_module_itself_is_a_store() -> None:
    jit.use_store(cache)
    jit.use_store(None)
