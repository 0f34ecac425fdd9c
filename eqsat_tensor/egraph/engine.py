"""The seam: the only module that knows egglog.  Text and rows go in, plain Python rows come out.

egglog 13.2 panics, and its sharp edges are kept in here: the extension is loaded without its
package (8 ms against 350); a compile is push, work, pop; schedules are parsed from text and kept,
since `RunSchedule` objects leave a trace that survives pop; -0.0 must never be sent, because
0.0 and -0.0 are one interned constant for ever; a name that ends in a digit is sent with a stroke
behind it, because the engine names its variables by a name and a number: the sixth of (F32) would be
the 326th of (F 0.5), which is of another sort.  An engine belongs to the thread that made it, and to
its process: a forked child has engines of its own, and never frees those of its parent.
"""

from __future__ import annotations

import atexit
import ctypes
import importlib.machinery
import importlib.util
import os
import re
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from eqsat_tensor.egraph import extension
from eqsat_tensor.rules.signature import LIVE

MAX_CACHED = 4096


class EngineError(Exception):
    """The engine failed; what it was doing is undone.  ``fired``: rules that had fired by then."""

    def __init__(self, text: str, fired: tuple[int, ...] = ()) -> None:
        super().__init__(text)
        self.fired = fired


@dataclass(frozen=True)
class Table:
    """Rows of one function: argument values, result value, whether the row was subsumed.

    Values of i64 and f64 are numbers, vectors tuples; classes of a sort are numbered from 0.
    """

    rows: list[tuple[list[Any], Any, bool]]


class Numbers(dict[Any, int]):
    """What is asked for is numbered from 0, in the order in which it is first asked for."""

    def __missing__(self, key: Any) -> int:
        number = self[key] = len(self)
        return number


_NAME = "egglog.bindings"
_process = os.getpid()


@lru_cache(maxsize=4)
def _bindings(process: int) -> ModuleType:
    os.environ.setdefault("RAYON_NUM_THREADS", "1")  # more threads number rows differently
    os.environ.setdefault("RUST_BACKTRACE", "0")
    loaded = sys.modules.get(_NAME)
    if loaded is not None:
        file = loaded.__file__
        return (
            loaded
            if process == _process or not file
            else extension.load_anew("bindings", Path(file))
        )
    package = importlib.util.find_spec("egglog")
    if package is None or not package.submodule_search_locations:
        raise ImportError("eqsat_tensor needs egglog==13.2.*")
    folder = Path(next(iter(package.submodule_search_locations)))
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        path = folder / f"bindings{suffix}"
        if path.exists():
            module = sys.modules[_NAME] = extension.load("bindings", path)
            return module
    raise ImportError(f"no egglog extension in {folder}")


def engine_version() -> str:
    """The installed version, for cache keys."""
    import importlib.metadata

    return importlib.metadata.version("egglog")


@lru_cache(maxsize=4)
def _directory(process: int) -> str:
    """A private directory for row files, in memory where there is such a place; gone at exit."""
    memory = "/dev/shm"
    where = memory if os.path.isdir(memory) and os.access(memory, os.W_OK) else None
    path = tempfile.mkdtemp(prefix="eqsat-", dir=where)

    def remove() -> None:
        if os.getpid() == process:
            shutil.rmtree(path, ignore_errors=True)

    atexit.register(remove)
    return path


def _remove_files(folder: str, mark: str) -> None:
    for path in Path(folder).glob(f"{mark}-*"):
        path.unlink(missing_ok=True)


_NUMBERED = re.compile(r"\((constructor |relation |function )?(?![if]64)([A-Za-z]\w*\d)(?=[\s)])")


def spelled(text: str) -> str:
    """The text with a stroke behind each name of an op, a fact or a value that ends in a digit."""
    return _NUMBERED.sub(lambda m: f"({m[1] or ''}{m[2]}_", text)


_living: weakref.WeakSet[Engine] = weakref.WeakSet()
_held: list[Any] = []


def _hold() -> None:
    """Before a fork: to free a graph takes threads that the child will not have."""
    for engine in list(_living):
        _held.append(engine._graph)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(engine._graph))


def _release() -> None:
    """After it, in the parent."""
    while _held:
        ctypes.pythonapi.Py_DecRef(ctypes.py_object(_held.pop()))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_held.clear)


class Engine:
    """An e-graph with rules loaded, to be used again and again under `session`."""

    _count = 0

    def __init__(self, forms: Iterable[str]) -> None:
        """A new e-graph with ``forms`` loaded.  Raises EngineError."""
        self._egglog = _bindings(os.getpid())
        Engine._count += 1
        self._files = f"{Engine._count}-{id(self)}"
        self._folder = _directory(os.getpid())
        weakref.finalize(self, _remove_files, self._folder, self._files)
        self._graph: Any = self._egglog.EGraph(fact_directory=self._folder)
        _living.add(self)
        self._graph.set_report_level(self._egglog.TimeOnly())
        self._commands: dict[str, list[Any]] = {}
        self._loaded: set[str] = set()
        self._session = False
        self._late: dict[str, tuple[Callable[[], Iterable[str]], str]] = {}
        self.alive = True
        for text in forms:
            self._define(text, "schema")

    def load(self, key: str, forms: Callable[[], Iterable[str]], origin: str) -> None:
        """Load what goes by ``key``, once.  EngineError begins with ``origin``.

        What is loaded inside a session goes with it, and is loaded for good before the next.
        """
        if key in self._loaded:
            return
        if self._session:
            self._late[key] = (forms, origin)
        for text in forms():
            self._define(text, origin)
        self._loaded.add(key)

    def declare(self, name: str, text: str) -> None:
        """Run a declaration, once in a session."""
        if name not in self._loaded:
            self.run(text)
            self._loaded.add(name)

    @property
    def loaded(self) -> Set[str]:
        """The keys of all that the next session begins with."""
        return self._loaded | self._late.keys()

    def has(self, key: str) -> bool:
        """True where `load` has loaded ``key``."""
        return key in self._loaded

    def _define(self, text: str, origin: str) -> None:
        self._guarded(
            lambda: self._graph.run_program(*self._graph.parse_program(spelled(text))), origin
        )

    def _parse(self, text: str) -> list[Any]:
        commands = self._commands.get(text)
        if commands is None:
            if len(self._commands) > MAX_CACHED:
                self._commands.clear()
            commands = self._commands[text] = self._graph.parse_program(spelled(text))
        return commands

    def _guarded(self, work: Callable[[], Any], origin: str) -> Any:
        try:
            return work()
        except Exception as e:  # EggSmolError and what comes of a lost graph
            raise EngineError(f"{origin}: {str(e).strip()}") from None
        except BaseException as e:
            if type(e).__name__ != "PanicException":
                raise
            self.alive = False
            raise EngineError(f"{origin}: the engine panicked: {e}") from None

    # ------------------------------------------------------------------------------ a compile
    @contextmanager
    def session(self) -> Iterator[Engine]:
        """Push; at the end pop, so that nothing is left.  An engine that cannot is not `alive`."""
        late, self._late = self._late, {}
        for key, (forms, origin) in late.items():
            self.load(key, forms, origin)
        self.run("(push)")
        before = set(self._loaded)
        self._session = True
        try:
            yield self
        except EngineError as e:
            if self.alive and not e.fired:
                e.fired = self._fired()
            raise
        finally:
            self._loaded = before
            self._session = False
            if self.alive:
                try:
                    self.run("(pop)")
                except EngineError:
                    self.alive = False

    def _fired(self) -> tuple[int, ...]:
        try:
            rows = self.tables({"fired": None})["fired"].rows
        except (EngineError, KeyError):
            return ()
        return tuple(sorted({arguments[1] for arguments, _, _ in rows}))

    def run(self, *texts: str) -> list[Any]:
        """Run commands, parsed once for ever."""
        commands = [c for text in texts for c in self._parsed(text)]
        outputs: list[Any] = self._guarded(
            lambda: self._graph.run_program(*commands), texts[0] if texts else ""
        )
        return outputs

    def _parsed(self, text: str) -> list[Any]:
        commands: list[Any] = self._guarded(lambda: self._parse(text), text)
        return commands

    def run_schedule(self, text: str) -> tuple[bool, Mapping[str, int]]:
        """Run ``(run-schedule ...)``; whether anything changed, and the matches of each rule."""
        report = self.run(text)[0].report
        return report.updated, report.num_matches_per_rule

    def load_rows(self, table: str, lines: str) -> None:
        """Enter tab-separated rows, each ending in a tab and a newline; "" enters none."""
        if not lines:
            return
        name = f"{self._files}-{table.replace('/', '-')}.tsv"
        with open(f"{self._folder}/{name}", "w", encoding="ascii") as f:
            f.write(lines)
        self.run(f'(input {table} "{name}")')

    def size(self) -> int:
        """Rows of all tables, without those that are there only to be found."""
        return sum(n for name, n in self.run("(print-size)")[0].sizes if not name.endswith(LIVE))

    def tables(self, wanted: Mapping[str, object]) -> dict[str, Table]:
        """The rows of the wanted functions, in the order in which the engine holds them."""
        return self._guarded(lambda: self._tables(wanted), "freeze")  # type: ignore[no-any-return]

    def _tables(self, wanted: Mapping[str, object]) -> dict[str, Table]:
        functions = self._graph.freeze().functions
        readers: dict[str, Callable[[Any], Any]] = {}
        result = {}
        for name in wanted:
            function = functions[spelled(f"({name})")[1:-1]]
            read = [self._reader(s, readers) for s in function.input_sorts]
            out = self._reader(function.output_sort, readers)
            match read:  # most tables have one or two columns, and there are many rows
                case [first]:
                    rows = [
                        ([first(row.inputs[0])], out(row.output), row.subsumed)
                        for row in function.rows
                    ]
                case [first, second]:
                    rows = [
                        ([first(a), second(b)], out(row.output), row.subsumed)
                        for row in function.rows
                        for a, b in (row.inputs,)
                    ]
                case _:
                    rows = [
                        (
                            [r(v) for r, v in zip(read, row.inputs, strict=True)],
                            out(row.output),
                            row.subsumed,
                        )
                        for row in function.rows
                    ]
            result[name] = Table(rows)
        return result

    def nodes(
        self, tables: Mapping[str, tuple[int, int]], constants: str, numbers: Iterable[str]
    ) -> Iterable[tuple[Any, int, Sequence[Any], float | None]]:
        """Of each row of some tables its result, a number for its table, its operands, its value.

        tables: name -> that number, and how many arguments are operands, the last ones.  Rows of the
        table ``constants`` have the value that one of the tables ``numbers`` holds of the first argument.
        """
        return self._guarded(lambda: self._nodes(tables, constants, numbers), "nodes")  # type: ignore[no-any-return]

    def _nodes(
        self, tables: Mapping[str, tuple[int, int]], constants: str, numbers: Iterable[str]
    ) -> Iterable[tuple[Any, int, Sequence[Any], float | None]]:
        functions = self._graph.freeze().functions
        found: list[tuple[Any, int, Sequence[Any], float | None]] = []
        for name, (number, arity) in tables.items():
            rows = functions[spelled(f"({name})")[1:-1]].rows
            if name == constants and rows:
                values: dict[Any, float] = {}
                for table in numbers:
                    function = functions[table]
                    read = self._reader(function.input_sorts[0], {})
                    values.update((r.output, float(read(r.inputs[0]))) for r in function.rows)
                found += [(r.output, number, (), values.get(r.inputs[0])) for r in rows]
            elif arity:
                found += [(r.output, number, r.inputs[-arity:], None) for r in rows]
            else:
                found += [(r.output, number, (), None) for r in rows]
        return found

    def _reader(self, sort: str, readers: dict[str, Callable[[Any], Any]]) -> Callable[[Any], Any]:
        if sort in readers:
            return readers[sort]
        graph = self._graph
        match sort:
            case "i64":
                read: Callable[[Any], Any] = graph.value_to_i64
            case "f64":
                read = graph.value_to_f64
            case "Axes" | "Sizes":
                known: dict[Any, tuple[int, ...]] = {}

                def read(value: Any) -> tuple[int, ...]:
                    found = known.get(value)
                    if found is None:
                        items = graph.value_to_vec(value)
                        found = known[value] = tuple(map(graph.value_to_i64, items))
                    return found

            case _:
                read = Numbers().__getitem__
        readers[sort] = read
        return read
