import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from sonotype.errors import DataError
from sonotype.worker_process import WorkerEndedError, WorkerProcess

MODULE = """
import os, signal
from sonotype.errors import DataError
from sonotype.worker_process import work

def main():
    work(answer_all)

def answer_all(questions, say, name, number):
    print("what a library prints")
    say([name, number, os.environ["OMP_NUM_THREADS"], os.environ.get("HEARD")])
    for question in questions:
        if question == "refuse":
            raise DataError("it cannot go on")
        if question == "end":
            os._exit(3)
        if question == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if question is None:
            break
        say({"twice": 2 * question})
    return [name, "is done"]
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "made_worker.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return "made_worker"


def started(module: str, **options: Any) -> WorkerProcess:
    process = WorkerProcess(module, "a name", 7, **options)
    process.answer()
    return process


def test_arguments_and_environment_arrive(module: str) -> None:
    process = WorkerProcess(module, "a name", 7, environment={"HEARD": "yes"})
    assert process.answer() == ["a name", 7, "1", "yes"]
    process.close()
    assert process.popen.returncode == 0


def test_what_is_set_here_stays(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARD", "no")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    process = WorkerProcess(module, "", 0, environment={"HEARD": "yes"})
    assert process.answer() == ["", 0, "2", "no"]
    process.close()


def test_each_question_has_its_answer_and_the_last_is_what_is_returned(
    module: str,
) -> None:
    process = started(module)
    assert [process.ask(number) for number in (1, 4)] == [{"twice": 2}, {"twice": 8}]
    assert process.ask(None) == ["a name", "is done"]
    process.close()


def test_a_refusal_is_raised_as_the_error_asked_for(module: str) -> None:
    process = started(module, refusal=DataError)
    with pytest.raises(DataError, match="it cannot go on"):
        process.ask("refuse")
    assert process.popen.returncode == 0


@pytest.mark.parametrize(
    ("question", "how"), [("end", "with exit code 3"), ("kill", "by signal 9")]
)
def test_a_process_that_ends_says_how(module: str, question: str, how: str) -> None:
    process = started(module)
    with pytest.raises(WorkerEndedError, match=how):
        process.ask(question)


def test_nothing_can_be_asked_of_one_that_was_killed(module: str) -> None:
    process = started(module)
    process.popen.kill()
    process.popen.wait()
    with pytest.raises(WorkerEndedError, match="by signal 9"):
        process.ask(1)


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
def test_it_minds_terminate_and_not_ctrl_c(module: str) -> None:
    process = started(module)
    process.popen.send_signal(signal.SIGINT)
    assert process.ask(1) == {"twice": 2}
    process.terminate()
    assert process.popen.wait() == 1
    process.close()


def test_there_must_be_a_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(WorkerEndedError, match="not run by a Python"):
        WorkerProcess("any")
    monkeypatch.setattr(sys, "executable", "no-python")
    with pytest.raises(WorkerEndedError, match="No such file"):
        WorkerProcess("any")
