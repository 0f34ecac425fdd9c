"""Writers that are killed at any moment leave a good cache; what they leave half done goes in time."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest

from eqsat_tensor.runtime import cache
from eqsat_tensor.runtime.cache import Cache

WRITER = """
import sys
from hashlib import sha256
from pathlib import Path
from eqsat_tensor.runtime.cache import Cache
store = Cache(Path(sys.argv[1]), limit=3_000_000)
number = int(sys.argv[2])
print("ready", flush=True)
while True:
    number = (number * 1103515245 + 12345) % 2**31
    key = sha256(str(number % 40).encode()).hexdigest()
    store.put(key, key.encode() * (1 + number % 2000))
    found = store.get(key)
    assert found is None or found == key.encode() * (len(found) // 64), key
"""

COMPILER = """
import numpy as np, eqsat_tensor as et
f = et.jit(lambda x, y: et.sum(et.log(1 + et.exp(x * y))) + (x @ y.T))
print(repr(f(np.ones((3, 2)), np.ones((3, 2)))), f.report().cached)
"""


def entries(directory: Path) -> list[Path]:
    return [p for p in directory.glob("??/*") if not p.name.startswith(".new-")]


def test_killed_writers_leave_whole_entries(tmp_path):
    draw = random.Random(0)
    for _ in range(8):
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(tmp_path), str(draw.randrange(2**31))],
                stdout=subprocess.PIPE,
            )
            for _ in range(2)
        ]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
        time.sleep(draw.uniform(0.0, 0.1))
        for writer in writers:
            assert writer.poll() is None, "a writer failed by itself"
            writer.kill()
            writer.wait()
            writer.stdout.close()
        store = Cache(tmp_path)
        for path in entries(tmp_path):
            key = path.parent.name + path.name
            found = store.get(key)
            assert found is not None, f"{path} is damaged"
            assert found == key.encode() * (len(found) // 64)
    assert entries(tmp_path)


def test_what_killed_writers_left_goes_when_it_is_old(tmp_path):
    store = Cache(tmp_path)
    store.put(sha256(b"1").hexdigest(), b"data")
    folder = entries(tmp_path)[0].parent
    old, new = folder / ".new-old", folder / ".new-new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, ns=(0, 0))
    store.put(sha256(b"1").hexdigest(), b"more")
    assert not old.exists()
    assert new.exists()
    assert store.get(sha256(b"1").hexdigest()) == b"more"


def test_many_writers_stay_within_the_limit(tmp_path):
    store = Cache(tmp_path, limit=200_000)
    for i in range(400):
        store.put(sha256(b"%d" % i).hexdigest(), bytes(1500))
        assert store.info().size <= store.limit


def test_a_put_looks_at_its_own_folder_alone_while_there_is_room(tmp_path, monkeypatch):
    store = Cache(tmp_path)
    monkeypatch.setattr(store, "trim", lambda: pytest.fail("looked at every entry"))
    for i in range(300):
        store.put(sha256(b"%d" % i).hexdigest(), bytes(1500))


def test_large_entries_stay_within_the_limit(tmp_path):
    store = Cache(tmp_path, limit=1_000_000)
    for i in range(30):
        store.put(sha256(b"%d" % i).hexdigest(), bytes(90_000))
        assert store.info().size <= store.limit
    assert store.get(sha256(b"29").hexdigest()) is not None


def test_compiles_that_are_killed_do_no_harm(tmp_path):
    environment = os.environ | {"EQSAT_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", COMPILER]
    draw = random.Random(1)
    for wait in [*(draw.uniform(0.3, 2.0) for _ in range(5))]:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            process.wait(timeout=wait)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    told = [
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert told[1].split()[-1] == "True"
    assert told[0].rsplit(" ", 1)[0] == told[1].rsplit(" ", 1)[0]


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"format": 5, "program": ["Step"]}', b"\xff\xfe"])
def test_code_that_is_no_program_is_compiled_again(tmp_path, monkeypatch, damage):
    import numpy as np

    import eqsat_tensor as et

    store = Cache(tmp_path)
    monkeypatch.setattr(cache, "default_cache", lambda: store)
    made = et.jit(lambda x: et.cos(x) * 5.0 + 0.125)
    assert made(np.zeros(3)).tolist() == [5.125] * 3
    assert made.report().cached is False
    for path in entries(tmp_path):
        key = path.parent.name + path.name
        if (store.get(key) or b"").startswith(b'{"format"'):
            store.put(key, damage)  # whole, and not what it should be
    again = et.jit(lambda x: et.cos(x) * 5.0 + 0.125)
    assert again(np.zeros(3)).tolist() == [5.125] * 3
    assert again.report().cached is False
    third = et.jit(lambda x: et.cos(x) * 5.0 + 0.125)
    assert third(np.zeros(3)).tolist() == [5.125] * 3
    assert third.report().cached is True
