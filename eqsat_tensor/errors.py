"""Every exception of eqsat_tensor, and how its message is put together.

A message reads ``<operation>: needs <condition>; got <name>=<dtype[shape]>. <hint> (file:line)``,
where the place is the user's own line: the nearest frame outside this package.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

_OURS = (
    str(Path(__file__).parent) + os.sep,
    str(Path(np.__file__).parent) + os.sep,
    contextlib.__file__,
    "<frozen importlib",
)
_COMMANDS = tuple(str(Path(__file__).with_name(name)) for name in ("cli.py", "rules_cli.py"))


class EqsatError(Exception):
    """Base of all errors that eqsat_tensor raises on purpose."""


class ShapeError(EqsatError, ValueError):
    """Shapes or sizes that do not fit together."""


class DtypeError(EqsatError, TypeError):
    """A dtype that an operation or an argument does not take."""


class ArgumentError(EqsatError, TypeError):
    """A call with missing, surplus or unknown arguments, or an argument of a wrong kind."""


class LabelError(EqsatError, IndexError):
    """An integer label or index outside its axis."""


class DomainError(EqsatError, ValueError):
    """A value that an operation has no result for, found at run time."""


class TraceError(EqsatError, TypeError):
    """A traced value used where only a number known now will do, such as ``bool(x)``."""


class ContradictionError(EqsatError, ValueError):
    """Facts that cannot all be true of a value: what `assume` says against what rules know, or itself."""


class GradientError(EqsatError, ValueError):
    """A derivative that does not exist as asked, such as the gradient of a non-scalar."""


class ReadOnlyError(EqsatError, ValueError):
    """A write to what cannot be written to, such as a broadcast view or an input of a graph."""


class RuleError(EqsatError, ValueError):
    """A rule file that cannot be loaded; the message starts with ``file:line``."""


class RulePackWarning(RuntimeWarning):
    """A rule pack of others that is left out, and why; programs are compiled without it."""


class FileError(EqsatError, ValueError):
    """A saved function that cannot be read: damaged, of a newer version, or something else."""


class VerificationError(EqsatError, ArithmeticError):
    """``mode="verify"``: a compiled program was wrong; the message names the rule that made it so."""


class UnsupportedError(EqsatError, NotImplementedError):
    """Something that eqsat_tensor does not do; the message says what it does instead."""


def failed_check(text: str) -> EqsatError:
    """The error of a run-time check: LabelError, or DomainError where the operation names no label."""
    return DomainError(text) if text.startswith("power:") else LabelError(text)


def user_frame() -> FrameType | None:
    """The nearest calling frame outside this package, NumPy and what decorators call it by, if any.

    What calls a command is no code of a user's.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_ours(frame.f_code.co_filename):
        frame = None if frame.f_code.co_filename in _COMMANDS else frame.f_back
    return frame


@cache
def _is_ours(file: str) -> bool:
    """Is a file this package's, or a decorator's that it uses?  Asked for each frame of each node."""
    return file.startswith(_OURS)


def user_place() -> tuple[str, int] | None:
    """File and line of the user's code that led here."""
    frame = user_frame()
    return None if frame is None else (frame.f_code.co_filename, frame.f_lineno)


class Successor(threading.local):
    """The place of the node that is being made again, for what is made meanwhile."""

    place: tuple[str, int] | None = None


successor = Successor()


@contextlib.contextmanager
def placed(place: tuple[str, int] | None) -> Iterator[None]:
    """Nodes made meanwhile stand in this place (None: where they are made)."""
    outer, successor.place = successor.place, place
    try:
        yield
    finally:
        successor.place = outer


def node_place() -> tuple[str, int] | None:
    """The place of a node that is made now: that of the node which it succeeds, or `user_place`."""
    return successor.place or user_place()


def message(operation: str, needs: str, got: str = "", hint: str = "") -> str:
    """``<operation>: needs <needs>; got <got>. <hint> (file:line)``, the place being the caller's user."""
    text = f"{operation}: needs {needs}"
    text += f"; got {got}." if got else "."
    if hint:
        text += f" {hint}"
    place = user_place()
    return text if place is None else f"{text} ({Path(place[0]).name}:{place[1]})"


def named(value: object) -> str:
    """A value by its type, with an article: "an int", "a Tensor"."""
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def needs_function(operation: str, given: object, hint: str = "") -> None:
    """ArgumentError for what cannot be called where a function is wanted."""
    if not callable(given):
        raise ArgumentError(message(operation, "a function", named(given), hint))


def wrong_result(name: str, got: Any, dtype: Any, shape: tuple[int, ...]) -> ArgumentError:
    """The error for a function that did not give the array that it promised."""
    promised = f"{dtype}[{', '.join(map(str, shape))}]"
    found = f"{got.dtype}[{', '.join(map(str, got.shape))}]"
    return ArgumentError(f"{name}: needs a result of {promised}; got {found}.")


def told(text: str, got: str, place: str) -> str:
    """An error that a call may find: ``<text>; got <operands>. (file:line)``."""
    if got:
        text = f"{text.rstrip('.')}{', of' if '; got' in text else '; got'} {got}."
    return f"{text} ({place})" if place else text


def located(error: Exception, op: str, got: str, place: str) -> Exception:
    """What a library op raised (a LinAlgError, or another ValueError), with its operands and place."""
    text = str(error)
    named = text if re.match(r"\w+: ", text) else f"{op}: {text}"
    kind = np.linalg.LinAlgError if isinstance(error, np.linalg.LinAlgError) else ValueError
    return kind(told(named, got, place))


def with_sizes(text: str, sizes: Mapping[str, int]) -> str:
    """The error where sizes by name are these: ``... (file:line; n = 3)``."""
    named = [f"{n} = {sizes[n]}" for n in sorted(sizes) if re.search(rf"\b{re.escape(n)}\b", text)]
    if not named:
        return text
    shown = ", ".join(named)
    return f"{text[:-1]}; {shown})" if text.endswith(")") else f"{text} ({shown})"
