"""What `sonotype listen` shows in a terminal: level and scores, as they are now."""

import math
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from sonotype.interfaces.cli.console import emit, writable

if TYPE_CHECKING:  # the help must not wait for arrays
    import numpy as np

    from sonotype.inference.live.source import Source
    from sonotype.inference.scan import WindowScores

_DRAW_SECONDS = 0.2
_N_LABELS = 5
_BAR_WIDTH = 30
_LOWEST_DB = -60.0


class LiveMeter:
    """Draws on stderr while it is entered, if that is a terminal.

    Args:
        labels: The model's labels.
        source: What is listened to.
        console: Where to draw; default: stderr.
    """

    def __init__(
        self, labels: Sequence[str], source: "Source", console: Console | None = None
    ) -> None:
        self._labels = labels
        self._source = source
        self._console = console or Console(stderr=True, highlight=False)
        self._live: Live | None = None
        self._stack = ExitStack()
        self._power = self._n_samples = self._peak = 0.0
        self._seconds = 0.0
        self._scores: np.ndarray | None = None
        self._drawn_seconds = -math.inf

    def __enter__(self) -> "LiveMeter":
        if self._console.is_terminal:
            live = Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                # Data goes to stdout, wherever that leads.
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live = self._stack.enter_context(live)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live = None
        self._stack.close()

    def hear(self, samples: "np.ndarray") -> None:
        """Take a block of sound into the level."""
        if self._live is None or not len(samples):
            return
        self._power += float(samples @ samples)
        self._n_samples += len(samples)
        self._peak = max(self._peak, float(abs(samples).max()))
        if time.monotonic() - self._drawn_seconds >= _DRAW_SECONDS:
            self._draw()

    def score(self, windows: "WindowScores") -> None:
        """Take the newest scores."""
        self._scores = windows.scores[-1]
        self._seconds = float(windows.end_seconds[-1])

    def emit(self, line: str) -> None:
        """Write a line of data to stdout, at once."""
        if self._live is not None and sys.stdout.isatty():
            # The same terminal: it goes above what is drawn.
            self._console.print(Text(writable(line)), soft_wrap=True)
            return
        emit(line)
        sys.stdout.flush()

    def _draw(self) -> None:
        if self._live is None:
            return
        rms = math.sqrt(self._power / self._n_samples)
        self._power = self._n_samples = 0.0
        peak, self._peak = self._peak, 0.0
        self._live.update(self._picture(rms, peak), refresh=True)
        self._drawn_seconds = time.monotonic()

    def _picture(self, rms: float, peak: float) -> Group:
        level, highest = _decibels(rms), _decibels(peak)
        clipped = "  clipped" if peak >= 1 else ""
        lost = self._source.n_dropped / self._source.sample_rate
        lines = [
            f"{_bar(1 - level / _LOWEST_DB)} {level:4.0f} dB, "
            f"peak {highest:.0f} dB{clipped}",
            f"{self._seconds:.1f} s" + (f", {lost:.1f} s lost" if lost else ""),
        ]
        if self._scores is not None:
            order = (-self._scores).argsort(kind="stable")[:_N_LABELS]
            lines += [
                f"{_bar(float(self._scores[place]))} {self._scores[place]:.2f} "
                f"{self._labels[place]}"
                for place in order.tolist()
            ]
        return Group(
            *(Text(writable(x), no_wrap=True, overflow="ellipsis") for x in lines)
        )


def _decibels(amplitude: float) -> float:
    """Return an amplitude in decibels below full scale, cut off where it is silent."""
    if amplitude <= 0:
        return _LOWEST_DB
    return max(_LOWEST_DB, 20 * math.log10(amplitude))


def _bar(share: float) -> str:
    n_full = round(_BAR_WIDTH * min(1.0, max(0.0, share)))
    return "█" * n_full + "·" * (_BAR_WIDTH - n_full)
