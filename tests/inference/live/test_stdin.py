"""Raw samples on stdin, and waiting for them that can be given up."""

import io
import os
import sys
import threading
import time
from collections.abc import Iterator
from typing import IO

import numpy as np
import pytest

from sonotype.errors import SettingError
from sonotype.inference.live.source import FastSource, LiveSource
from sonotype.inference.live.stdin import from_stdin

SAMPLES = np.array([0, 2**14, -(2**15)], "<i2")


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[IO[bytes]]:
    """Make stdin a pipe, and return the end to write to."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin, os.fdopen(writing, "wb", 0) as stream:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield stream


def read(source: LiveSource | FastSource) -> np.ndarray:
    blocks = [block for block in source.blocks() if isinstance(block, np.ndarray)]
    return np.concatenate(blocks)


@pytest.mark.skipif(os.name != "posix", reason="needs a pipe that can be asked")
def test_waiting_can_be_given_up(pipe: IO[bytes]) -> None:
    source = from_stdin(8_000, fast=True)
    pipe.write(SAMPLES.tobytes())
    threading.Timer(0.1, source.stop).start()
    began = time.monotonic()
    np.testing.assert_array_equal(read(source), [0, 0.5, -1])
    assert 0.09 < time.monotonic() - began < 5


def test_it_ends_where_the_pipe_does(pipe: IO[bytes]) -> None:
    pipe.write(SAMPLES.tobytes())
    pipe.close()
    np.testing.assert_array_equal(read(from_stdin(8_000)), [0, 0.5, -1])


@pytest.mark.parametrize("fast", [False, True])
def test_a_terminal_is_refused(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    with pytest.raises(SettingError, match="stdin is a terminal"):
        from_stdin(8_000, fast=fast)
