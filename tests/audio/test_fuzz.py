"""Damaged files of every format: samples or an `AudioError`, never a crash or a hang.

They are read in a process of its own, with little memory: what ends it, or takes too
long, fails a test here and not the run of all tests.
"""

import contextlib
import importlib.util
import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.encode_av import encode_av
from tests.nasty_files import nasty_files

from sonotype.audio.io import read_info, read_native
from sonotype.errors import AudioError

resource = pytest.importorskip("resource", reason="needs limits")

N_EXAMPLES = 100
LIMIT_SECONDS = 5
LIMIT_BYTES = 4 * 2**30
FORMATS: tuple[str, ...] = (
    *("plain.wav", "extensible 24.wav", "float32.wav", "a-law.wav", "bext first.wav"),
    *("id3 first.wav", "mp3 in riff.wav", "rf64.wav", "rifx.wav", "left open 0.wav"),
    *("a.flac", "piped.flac", "vorbis.ogg", "opus.ogg", "a.mp3", "a.aif", "a.caf"),
    *("little-endian.aifc", "a.au", "a.w64"),
)
CONTENT = {
    file.name: file.content
    for file in nasty_files()
    if isinstance(file.content, bytes) and file.name in FORMATS
}
if importlib.util.find_spec("av"):
    with tempfile.TemporaryDirectory() as folder:
        FORMATS = (*FORMATS, "a.m4a")
        CONTENT["a.m4a"] = encode_av(Path(folder, "a.m4a"), "aac", movflags="faststart")

# Where headers are, and where they are not; lengths that mean something, or nothing.
places = st.integers(0, 120) | st.integers(0, 2**14)
lengths = (0, 1, 2**31 - 1, 2**31, 2**32 - 1)
words = st.sampled_from(
    [n.to_bytes(4, order) for n in lengths for order in ("little", "big")]
)
edits = st.lists(
    st.tuples(places, st.integers(0, 8), words | st.binary(max_size=8)), max_size=4
)


class Reader:
    """A process that reads files, started again after it was ended."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def __call__(self, read: Callable[..., Any], path: Path, **options: float) -> Any:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1,
                multiprocessing.get_context("spawn"),
                resource.setrlimit,
                (resource.RLIMIT_DATA, (LIMIT_BYTES, LIMIT_BYTES)),
            )
            self._pool.submit(read_info, __file__).exception()  # has imported it all
        try:
            return self._pool.submit(read, path, **options).result(LIMIT_SECONDS)
        except (TimeoutError, BrokenProcessPool):
            self.stop()
            raise

    def stop(self) -> None:
        if self._pool is None:
            return
        for process in (self._pool._processes or {}).values():
            process.kill()
        self._pool.shutdown()
        self._pool = None


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    found = Reader()
    yield found
    found.stop()


def damage(content: bytes, changes: list[tuple[int, int, bytes]], left: int) -> bytes:
    """Return the content with some bytes replaced, and cut after `left` thousandths."""
    for place, n_gone, new in changes:
        at = place % len(content)
        content = content[:at] + new + content[at + n_gone :]
    return content[: len(content) * left // 1000]


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=N_EXAMPLES, suppress_health_check=list(HealthCheck))
@given(changes=edits, left=st.just(1000) | st.integers(0, 1000))
def test_what_is_damaged_is_read_whole_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    reader: Reader,
    name: str,
    changes: list[tuple[int, int, bytes]],
    left: int,
) -> None:
    path = tmp_path_factory.getbasetemp() / f"damaged {name}"
    path.write_bytes(damage(CONTENT[name], changes, left))
    # Any other exception fails the test.
    with contextlib.suppress(AudioError):
        samples, sample_rate = reader(read_native, path)
        assert samples.dtype == np.float32
        assert np.isfinite(samples).all()
        info = reader(read_info, path)
        assert (info.n_samples, info.sample_rate) == (len(samples), sample_rate)
