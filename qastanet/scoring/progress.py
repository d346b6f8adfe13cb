"""How far a long piece of work is, in one line of the terminal."""

import sys
import time
from types import TracebackType


class Progress:
    """A line on the standard error that is written anew: done, all, and the time left.

    Nothing is written where the standard error is no terminal but at the end.

    Args:
        total: how many there are
        done: how many of them are done already
        unit: what they are, in the plural
        shown: False shows nothing

    Example:
        >>> with Progress(3, 1, "pairs", shown=False) as shown:
        ...     shown.add(2)
        >>> shown.text()
        '3 of 3 pairs'
    """

    def __init__(self, total: int, done: int = 0, unit: str = "", shown: bool = True):
        self.total, self.done, self.unit = total, done, unit
        self.shown, self.fresh = shown, 0
        self.start = time.monotonic()

    def text(self) -> str:
        """Say how far it is."""
        left = ""
        if self.fresh and self.done < self.total:
            seconds = (time.monotonic() - self.start) / self.fresh * (self.total - self.done)
            left = f", {seconds / 60:.0f} min left" if seconds > 90 else f", {seconds:.0f} s left"
        return f"{self.done} of {self.total} {self.unit}{left}"

    def add(self, number: int) -> None:
        """Note that some more are done."""
        self.done, self.fresh = self.done + number, self.fresh + number
        if self.shown and sys.stderr.isatty():
            print(f"\r{self.text():60}", end="", file=sys.stderr, flush=True)

    def __enter__(self) -> "Progress":
        """Show where it starts."""
        self.add(0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last line standing, unless an error came before anything was done."""
        if self.shown and (error is None or self.fresh):
            start = "\r" if sys.stderr.isatty() else ""
            print(f"{start}{self.text():60}".rstrip(), file=sys.stderr, flush=True)
