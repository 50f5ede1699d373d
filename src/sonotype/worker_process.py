"""A process that does work for this one: a question and an answer a line of JSON.

Python's multiprocessing is not used: it runs the user's script once more in each
process, and a process of its pool that ends takes the pool with it.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from sonotype.errors import SonotypeError

# The same modules as here, wherever they come from.
_START = """import sys
sys.path[:] = {path!r}
from {module} import main
main()
"""
# There are about as many workers as cores, so each gets along with one thread.
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
    """A worker was killed, what it was asked for ended it, or it cannot start."""


class WorkerProcess:
    """A Python process that runs `main` of a module, which calls `work`.

    Args:
        module: The module's full name.
        arguments: Handed to the function that works; anything JSON can hold.
        environment: Variables that are set for it unless they are set here.
        refusal: What is raised when the last answer is why it cannot go on.

    Attributes:
        popen: The process.

    Raises:
        WorkerEndedError: If there can be no such process here.
    """

    def __init__(
        self,
        module: str,
        *arguments: Any,
        environment: Mapping[str, str] | None = None,
        refusal: type[SonotypeError] = SonotypeError,
    ) -> None:
        if getattr(sys, "frozen", False) or not sys.executable:
            raise WorkerEndedError("this program is not run by a Python")
        start = _START.format(path=sys.path, module=module)
        self._refusal = refusal
        try:
            self.popen = subprocess.Popen(
                [sys.executable, "-c", start, json.dumps(arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**_ONE_THREAD, **(environment or {}), **os.environ},
            )
        except OSError as error:
            raise WorkerEndedError(str(error)) from error

    def ask(self, what: Any) -> Any:
        """Send what JSON can hold, and wait for the answer.

        Raises:
            WorkerEndedError: If the process ends.
            SonotypeError: The refusal, if it says why it cannot go on.
        """
        stream = self.popen.stdin
        with suppress(OSError):  # why it has ended shows in its answer
            if stream:
                stream.write(json.dumps(what).encode() + b"\n")
                stream.flush()
        return self.answer()

    def answer(self) -> Any:
        """Wait for an answer that needs no question, such as the first.

        Raises:
            WorkerEndedError: As `ask`.
            SonotypeError: As `ask`.
        """
        line = self.popen.stdout.readline() if self.popen.stdout else b""
        if not line.endswith(b"\n"):
            self.close()
            raise WorkerEndedError(_how(self.popen.returncode))
        answer = json.loads(line)
        if isinstance(answer, str):
            self.close()
            raise self._refusal(answer)
        return answer

    def terminate(self) -> None:
        """Ask the process to end, from any thread."""
        self.popen.terminate()

    def close(self) -> None:
        """Let the process know that nothing more is asked, and wait until it ends."""
        for stream in (self.popen.stdin, self.popen.stdout):
            if stream:
                with suppress(OSError):
                    stream.close()
        self.popen.wait()


Say = Callable[[Any], None]


def work(answer_all: Callable[..., Any]) -> None:
    """Do in this process what a `WorkerProcess` asks for.

    Args:
        answer_all: Called with the questions, a function that sends an answer, and the
            arguments. An answer is never a string: that is a refusal. What it returns
            is the last answer; a `SonotypeError` that it raises, the refusal.
    """
    # What a library prints must not get between the answers.
    answers = os.dup(1)
    os.dup2(2, 1)
    # The parent tells when to stop; a worker that is asked to stops at once.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)

    def say(what: Any) -> None:
        with open(answers, "wb", closefd=False) as stream:
            stream.write(json.dumps(what).encode() + b"\n")

    with suppress(BrokenPipeError):  # the parent has ended
        try:
            last = answer_all(_questions(), say, *json.loads(sys.argv[1]))
        except SonotypeError as error:
            last = str(error)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say(last)


def _questions() -> Iterator[Any]:
    """Yield what each line of stdin holds, until it is closed."""
    for line in sys.stdin.buffer:
        yield json.loads(line)


def _stop(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(1)


def _how(code: int) -> str:
    return f"by signal {-code}" if code < 0 else f"with exit code {code}"
