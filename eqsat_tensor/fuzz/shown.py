"""What a run of `eqsat fuzz` shows while it goes, on standard error."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

EVERY = 30.0  # seconds between lines where no bar can be drawn


class Shown:
    """A bar with the rate, or now and then a line of text where standard error is no terminal; each
    fault above it, with the command that runs its program alone."""

    def __init__(self, programs: int) -> None:
        self.programs = programs
        self.faults = 0
        self.console = Console(stderr=True, soft_wrap=True)
        columns = (
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.fields[rate]:.1f} a second, {task.fields[faults]} at fault"),
            TimeRemainingColumn(),
        )
        self.bar = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self.task = self.bar.add_task("programs", total=programs, rate=0.0, faults=0)
        self.start = self.told = time.monotonic()

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def progress(self, done: int) -> None:
        """So many programs are done."""
        now = time.monotonic()
        rate = done / max(now - self.start, 1e-9)
        self.bar.update(self.task, completed=done, rate=rate, faults=self.faults)
        if not self.console.is_terminal and (now - self.told > EVERY or done == self.programs):
            self.told = now
            self.say(f"{done} of {self.programs}, {rate:.1f} a second, {self.faults} at fault")

    def fault(self, seed: int, what: str) -> None:
        """The program of a seed is wrong."""
        self.faults += 1
        self.say(f"seed {seed} (alone: eqsat fuzz --programs 1 --seed {seed}):\n{what}\n")

    def say(self, text: str) -> None:
        """A line as it is: no markup, no colours."""
        self.console.print(Text(text))


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGINT and SIGTERM raise KeyboardInterrupt within, also where a shell started us to ignore them."""
    before = {
        number: signal.signal(number, signal.default_int_handler)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
