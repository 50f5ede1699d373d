"""A whole folder of nasty files: nothing is read wrongly, hangs or ends the run."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.nasty_files import SAMPLE_RATE, NastyFile, nasty_files, write_all

from sonotype.audio.io import read_audio, read_info
from sonotype.clips import Rejected
from sonotype.dataset.cache.audio_cache import AudioCache
from sonotype.dataset.readers.folder import read_folder
from sonotype.errors import AudioError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs links and pipes")

FILES = nasty_files() if os.name == "posix" else []
LABEL = "nasty"
BUNDLE = Path(__file__).parent / "data" / "tones_v1.sonotype"
COMMAND = "from sonotype.interfaces.cli.main import main; main()"
# A run that waits for a pipe waits for ever.
LIMIT_SECONDS = 60


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, NastyFile]:
    """All files, in one class folder."""
    folder = tmp_path_factory.mktemp("data") / LABEL
    return {folder / file.name: file for file in write_all(folder)}


@pytest.fixture(scope="session")
def root(made: dict[Path, NastyFile]) -> Path:
    return next(path for path in next(iter(made)).parents if path.name == LABEL).parent


@pytest.fixture(autouse=True)
def _time_limit() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError(f"took longer than {LIMIT_SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *map(os.fspath, map(str, arguments))],
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: ascii(file.name))
def test_each_is_read_rightly_or_refused(
    file: NastyFile, made: dict[Path, NastyFile], root: Path
) -> None:
    path = root / LABEL / file.name
    if path not in made:
        pytest.skip("this file system refuses such a name")
    if file.samples is None:
        with pytest.raises(AudioError) as caught:
            read_audio(path, SAMPLE_RATE)
        words = str(caught.value).removeprefix(f"{path}: ")
        assert words != str(caught.value)
        assert re.search(file.reason, words)
        assert "\n" not in words
        return
    samples = read_audio(path, SAMPLE_RATE)
    assert samples.shape == file.samples.shape
    np.testing.assert_allclose(samples, file.samples, rtol=0, atol=file.worst)
    info = read_info(path)
    assert (info.sample_rate, info.n_samples) == (SAMPLE_RATE, len(file.samples))


def test_reader_and_cache_use_the_good_and_tell_of_the_bad(
    made: dict[Path, NastyFile], root: Path, tmp_path: Path
) -> None:
    clips = read_folder(root)
    audio = AudioCache(tmp_path, sample_rate=SAMPLE_RATE).load(clips)
    good = {path: file for path, file in made.items() if file.samples is not None}
    assert set(audio.clips.paths()) == set(good)
    for position, path in enumerate(audio.clips.paths()):
        samples, file = audio.samples(position), good[path]
        assert file.samples is not None
        # The cache holds 16 bits.
        worst = file.worst + 2**-16 if file.worst else 0
        np.testing.assert_allclose(samples, file.samples, rtol=0, atol=worst)
    check_rejected(audio.clips.rejected, made)


def check_rejected(rejected: tuple[Rejected, ...], made: dict[Path, NastyFile]) -> None:
    """Every bad file must be there once, with its reason, and nothing else."""
    told = {item.path: item.reason for item in rejected}
    assert len(told) == len(rejected)
    # A folder may be called x.wav: then it holds recordings.
    bad = {
        path: file.reason
        for path, file in made.items()
        if file.samples is None and (path.is_symlink() or not path.is_dir())
    }
    assert set(told) == set(bad)
    for path, reason in told.items():
        assert re.search(bad[path], reason), (path, reason)


def test_check_counts_them_all(made: dict[Path, NastyFile], root: Path) -> None:
    done = run("check", root, "--format", "json", "--fail-on", "never")
    assert done.returncode == 0, done.stderr[-2_000:]
    report = json.loads(done.stdout)
    n_good = sum(file.samples is not None for file in made.values())
    assert report["n_files"] == n_good
    named = json.dumps(report["findings"])
    for name in ("cut half data.wav", "pipe.wav", "loop.wav", "empty.wav", "text.wav"):
        assert name in named


def test_check_as_a_person_sees_it(root: Path) -> None:
    done = run("check", root)
    assert done.returncode == 1  # errors were found, and all of them told
    assert "Traceback" not in done.stderr
    assert "error: is cut short" in done.stdout
    # Every line begins as ours do: no name of a file breaks out of its own.
    assert not re.search(r"^(line|bell)", done.stdout, flags=re.MULTILINE)


def test_predict_goes_on_past_the_bad_ones(
    made: dict[Path, NastyFile], root: Path
) -> None:
    files = [path for path in made if path.name.isascii()]
    done = run("predict", BUNDLE, "--format", "json", "--", *files)
    assert done.returncode == 0, done.stderr[-2_000:]
    good = [path for path in files if made[path].samples is not None]
    assert [Path(row["path"]) for row in json.loads(done.stdout)] == good
    assert f"{len(files) - len(good)} files were set aside" in done.stderr
    first = next(path for path in files if made[path].samples is None)
    assert done.stderr.count(f"{first}: ") == 1


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="`locked.wav` tells the same",
)
def test_what_may_not_be_read_is_set_aside_for_those_without_power() -> None:
    """As `nobody`, for the time of reading: root may read anything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        made = {
            folder / "no" / file.name: file
            for file in FILES
            if file.name in ("locked.wav", "plain.wav")
        }
        for file in made.values():
            file.write(folder / "no")
        (folder / "no" / "shut").mkdir(mode=0)
        os.seteuid(65_534)
        try:
            clips = read_folder(folder)
        finally:
            os.seteuid(0)
    assert [path.name for path in clips.paths()] == ["plain.wav"]
    assert {item.path.name: item.reason for item in clips.rejected} == {
        "locked.wav": "cannot be read: Permission denied",
        "shut": "cannot be opened: Permission denied",
    }
