"""A process that scans recordings and writes their scores.

A process and not a thread, so that a file that ends it, or needs more memory than there
is, costs that file and no other. What is asked and answered are lines of JSON.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sonotype.errors import DataError, SettingError
from sonotype.inference.scan import WindowScores
from sonotype.worker_process import Say, WorkerProcess, work


@dataclass(frozen=True)
class Scanned:
    """What became of a recording.

    Args:
        n_windows: How many windows were scored.
        duration_seconds: Its length.
        reason: Why there are no scores, if there are none.
    """

    n_windows: int = 0
    duration_seconds: float = 0.0
    reason: str = ""


class Worker:
    """A process that scans recordings with one bundle.

    Args:
        bundle: The bundle's folder.
        hop_seconds: As of `Classifier.scan`.
        dense: Likewise.
        runtime: As of `load`.
        n_threads: As of `Classifier.scan`.

    Raises:
        WorkerEndedError: If there can be no such process here.
        SettingError: If the bundle cannot be used.
    """

    def __init__(
        self,
        bundle: Path,
        *,
        hop_seconds: float | None,
        dense: bool,
        runtime: str,
        n_threads: int,
    ) -> None:
        # As many threads as the worker is told to use, and those score windows.
        self._process = WorkerProcess(
            __name__,
            str(bundle),
            hop_seconds,
            dense,
            runtime,
            n_threads,
            refusal=SettingError,
        )
        self._process.answer()

    def scan(self, recording: Path, scores: Path) -> Scanned:
        """Have a recording scanned, and wait for it.

        Args:
            recording: The audio file.
            scores: The Parquet file to write.

        Raises:
            WorkerEndedError: If the process ends.
            SettingError: If the scores cannot be written.
        """
        return Scanned(**self._process.ask([str(recording), str(scores)]))

    def terminate(self) -> None:
        """End the process, from any thread; a file it is writing disappears."""
        self._process.terminate()

    def close(self) -> None:
        """Ask the process to end, and wait until it has."""
        self._process.close()


def main() -> None:
    """Do what `Worker` asks for on stdin until it is closed."""
    work(_scan)


def _scan(
    questions: Iterable[Any],
    say: Say,
    bundle: str,
    hop_seconds: float | None,
    dense: bool,
    runtime: str,
    n_threads: int,
) -> None:
    """Scan the recording of each question."""
    from sonotype.inference.classifier import load
    from sonotype.inference.score_file import scan_info, write_scores

    classifier = load(bundle, runtime=runtime)
    parent = os.getppid()
    say({})
    for question in questions:
        recording, scores = map(Path, question)
        try:
            info = scan_info(
                classifier, recording, hop_seconds=hop_seconds, dense=dense
            )
            windows = classifier.scan(
                recording, hop_seconds=hop_seconds, dense=dense, n_threads=n_threads
            )
            last = _Last(windows, parent)
            n_windows = write_scores(scores, info, last)
            found = Scanned(n_windows, last.end_seconds)
        except DataError as error:
            # The list names the file already.
            found = Scanned(reason=str(error).removeprefix(f"{recording}: "))
        except MemoryError:
            found = Scanned(reason="needs more memory than there is")
        say(asdict(found))


class _Last:
    """Hands windows on, remembers when the last one ends, and stops with the parent."""

    def __init__(self, windows: Iterable[WindowScores], parent: int) -> None:
        self._windows = windows
        self._parent = parent
        self.end_seconds = 0.0

    def __iter__(self) -> Iterator[WindowScores]:
        for part in self._windows:
            # A recording may take hours, and nobody waits for it any more.
            if os.getppid() != self._parent:
                raise SystemExit(1)
            self.end_seconds = float(part.end_seconds[-1])
            yield part
