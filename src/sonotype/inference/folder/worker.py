"""A process that scans recordings and writes their scores.

A process and not a thread, so that a file that ends it, or needs more memory than there
is, costs that file and no other. What is asked and answered are lines of JSON.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sonotype.errors import DataError, SettingError, SonotypeError
from sonotype.inference.scan import WindowScores

# The same modules as here, wherever they come from. Not multiprocessing: it runs the
# user's script once more in each process.
_START = """import sys
sys.path[:] = {path!r}
from sonotype.inference.folder.worker import main
main()
"""
# As many threads as the worker is told to use, and those score windows.
_ONE_THREAD = dict.fromkeys(
    (
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "POLARS_MAX_THREADS",
    ),
    "1",
)


class WorkerEndedError(Exception):
    """A worker was killed, or scanning a file ended it."""


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
        n_threads: Likewise.

    Raises:
        WorkerEndedError: If there can be no such process here.
        SettingError: If the bundle cannot be used.
    """

    def __init__(
        self, bundle: Path, *, hop_seconds: float | None, n_threads: int
    ) -> None:
        start = _START.format(path=sys.path)
        options = json.dumps([str(bundle), hop_seconds, n_threads])
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", start, options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**_ONE_THREAD, **os.environ},
            )
        except OSError as error:
            raise WorkerEndedError(str(error)) from error
        self._answer()

    def scan(self, recording: Path, scores: Path) -> Scanned:
        """Have a recording scanned, and wait for it.

        Args:
            recording: The audio file.
            scores: The Parquet file to write.

        Raises:
            WorkerEndedError: If the process ends.
            SettingError: If the scores cannot be written.
        """
        self._say([str(recording), str(scores)])
        return Scanned(**self._answer())

    def terminate(self) -> None:
        """End the process, from any thread; a file it is writing disappears."""
        self._process.terminate()

    def close(self) -> None:
        """Ask the process to end, and wait until it has."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with suppress(OSError):
                    stream.close()
        self._process.wait()

    def _say(self, what: Any) -> None:
        stream = self._process.stdin
        with suppress(OSError):  # why it has ended shows in its answer
            if stream:
                stream.write(json.dumps(what).encode() + b"\n")
                stream.flush()

    def _answer(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else b""
        if not line.endswith(b"\n"):
            self.close()
            raise WorkerEndedError(_how(self._process.returncode))
        answer = json.loads(line)
        if isinstance(answer, str):
            self.close()
            raise SettingError(answer)
        return answer


def main() -> None:
    """Do what `Worker` asks for on stdin until it is closed."""
    # What a library prints must not get between the answers.
    answers = os.dup(1)
    os.dup2(2, 1)
    # The parent tells when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)

    def say(what: Any) -> None:
        with open(answers, "wb", closefd=False) as stream:
            stream.write(json.dumps(what).encode() + b"\n")

    with suppress(BrokenPipeError):  # the parent has ended
        try:
            _serve(say, *json.loads(sys.argv[1]))
        except SonotypeError as error:
            say(str(error))


def _serve(say: Any, bundle: str, hop_seconds: float | None, n_threads: int) -> None:
    """Answer each line of stdin."""
    from sonotype.inference.classifier import load
    from sonotype.inference.score_file import scan_info, write_scores

    classifier = load(bundle)
    parent = os.getppid()
    say({})
    for line in sys.stdin.buffer:
        recording, scores = map(Path, json.loads(line))
        options = {"hop_seconds": hop_seconds}
        try:
            info = scan_info(classifier, recording, **options)
            windows = classifier.scan(recording, **options, n_threads=n_threads)
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


def _stop(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(1)


def _how(code: int) -> str:
    return f"by signal {-code}" if code < 0 else f"with exit code {code}"
