import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sonotype.clips import Clip, Clips
from sonotype.dataset.cache import decode, fill
from sonotype.dataset.cache.audio_cache import AudioCache
from sonotype.dataset.cache.decode import StoredFile
from sonotype.dataset.cache.fill import Filler
from sonotype.dataset.cache.shards import ShardFolder
from sonotype.dataset.cache.worker import Worker
from sonotype.errors import DataError
from sonotype.worker_process import WorkerEndedError

RATE = 8_000
# Fills a cache with processes from the start: folder of recordings, then cache.
FILL = """
import sys, time
from pathlib import Path
from sonotype.dataset.cache import fill
from sonotype.dataset.cache.audio_cache import AudioCache
from sonotype.dataset.readers.folder import read_folder

fill._THREADS_SECONDS, fill._WORTH_SECONDS, fill._TASK_PIECES = 0, -1, 1
cache = AudioCache(Path(sys.argv[2]), sample_rate=8_000)

def slow(*args, original=fill.Worker.store):
    time.sleep(0.06)
    return original(*args)

fill.Worker.store = slow
cache.load(
    read_folder(sys.argv[1]),
    on_progress=lambda done, total: print(done, flush=True),
)
"""


def make_clips(folder: Path, n_files: int = 40) -> Clips:
    generator = np.random.default_rng(0)
    clips = []
    for i in range(n_files):
        path = folder / "x" / f"{i:03d}.{('wav', 'flac')[i % 2]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.1 * generator.standard_normal(800 + i), RATE)
        clips.append(Clip(path, ("x",), path.stem))
    return Clips.of(clips)


@pytest.fixture
def clips(tmp_path: Path) -> Clips:
    return make_clips(tmp_path / "data")


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start processes at once, for however little there is to do."""
    monkeypatch.setattr(fill, "_THREADS_SECONDS", 0)
    monkeypatch.setattr(fill, "_WORTH_SECONDS", -1)
    monkeypatch.setattr(fill, "_TASK_PIECES", 4)


def run(clips: Clips, folder: Path, **options: Any) -> list[StoredFile]:
    with ShardFolder(folder) as shards:
        return list(Filler(folder, shards, RATE, {}).run(clips, **options))


def assert_stored(clips: Clips, files: list[StoredFile], folder: Path) -> None:
    """Every clip has its samples in the shards of a folder."""
    keys = {row: key for file in files for row, key in file.keys.items()}
    assert keys.keys() == set(range(len(clips)))
    stored = ShardFolder(folder).locate([keys[row] for row in range(len(clips))])
    for row, path in enumerate(clips.paths()):
        expected, _ = soundfile.read(path, dtype="int16")
        np.testing.assert_array_equal(stored[row], expected)


def test_threads_store_every_clip(tmp_path: Path, clips: Clips) -> None:
    files = run(clips, tmp_path / "c")
    assert_stored(clips, files, tmp_path / "c")
    assert Counter(file.path for file in files) == Counter(map(str, clips.paths()))


@pytest.mark.usefixtures("processes")
def test_processes_store_every_clip(
    tmp_path: Path, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run(clips, tmp_path / "threads", processes=False)
    monkeypatch.delattr(decode, "decode_clip")  # not decoded here
    files = run(clips, tmp_path / "c")
    assert_stored(clips, files, tmp_path / "c")
    assert sorted(files, key=lambda file: file.path) == sorted(
        expected, key=lambda file: file.path
    )


@pytest.mark.usefixtures("processes")
def test_a_bad_file_is_named_by_a_process_too(tmp_path: Path, clips: Clips) -> None:
    bad, gone = clips.paths()[3], clips.paths()[7]
    bad.write_bytes(b"broken")
    gone.unlink()
    files = {file.path: file for file in run(clips, tmp_path / "c")}
    assert files[str(gone)].reasons == {7: "there is no such file"}
    assert "it is not audio" in files[str(bad)].reasons[3]
    assert sum(len(file.keys) for file in files.values()) == 38


@pytest.mark.usefixtures("processes")
def test_a_process_that_is_killed_costs_no_clip(
    tmp_path: Path, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    original = Worker.store

    def kill_later(worker: Worker, pieces: Any) -> list[StoredFile]:
        files = original(worker, pieces)
        if not killed:
            killed.append(worker._process.popen.pid)
            os.kill(killed[0], signal.SIGKILL)
        return files

    monkeypatch.setattr(Worker, "store", kill_later)
    cached = AudioCache(tmp_path / "c", sample_rate=RATE).load(clips)
    assert killed
    assert len(cached) == 40
    assert cached.n_streamed == 0
    for position, path in enumerate(clips.paths()):
        expected, _ = soundfile.read(path, dtype="int16")
        np.testing.assert_array_equal(cached.stored[position], expected)


@pytest.mark.usefixtures("processes")
def test_a_file_that_ends_its_process_is_set_aside(
    tmp_path: Path, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    fatal = str(clips.paths()[5])
    original = Worker.store

    def ends(worker: Worker, pieces: Any) -> list[StoredFile]:
        if any(path == fatal for path, _ in pieces):
            worker._process.popen.kill()
        return original(worker, pieces)

    monkeypatch.setattr(Worker, "store", ends)
    cached = AudioCache(tmp_path / "c", sample_rate=RATE).load(clips)
    assert [str(rejected.path) for rejected in cached.clips.rejected] == [fatal]
    assert "has ended" in cached.clips.rejected[0].reason
    assert (len(cached), cached.n_streamed) == (39, 0)


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("python", ["no-python", "/bin/true"])
def test_without_other_processes_threads_go_on(
    tmp_path: Path, clips: Clips, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    monkeypatch.setattr(sys, "executable", python)
    assert_stored(clips, run(clips, tmp_path / "c"), tmp_path / "c")


@pytest.mark.usefixtures("processes")
def test_what_a_process_cannot_write_is_an_error(tmp_path: Path, clips: Clips) -> None:
    (tmp_path / "file").touch()
    with ShardFolder(tmp_path / "c") as shards:
        filler = Filler(tmp_path / "file", shards, RATE, {})
        with pytest.raises(DataError, match=r"file: the cache .* cannot be written"):
            list(filler.run(clips))


@pytest.mark.usefixtures("processes")
def test_nobody_works_on_when_nobody_wants_more(tmp_path: Path, clips: Clips) -> None:
    with ShardFolder(tmp_path / "c") as shards:
        filler = Filler(tmp_path / "c", shards, RATE, {})
        files = filler.run(clips)
        next(files)
        files.close()  # type: ignore[attr-defined]
        assert filler._workers
        assert all(
            worker._process.popen.poll() is not None for worker in filler._workers
        )


def children_of(parent: int) -> list[int]:
    """Return the processes that any thread of a process started."""
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(process) for task in tasks for process in task.read_text().split()]


def lives(process: int) -> bool:
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_killed_with_its_processes_a_fill_goes_on_where_it_was(
    tmp_path: Path, clips: Clips
) -> None:
    command = [sys.executable, "-c", FILL, str(tmp_path / "data"), str(tmp_path / "c")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        while int(parent.stdout.readline()) < 8:
            assert parent.poll() is None
        workers = children_of(parent.pid)
        parent.kill()
    assert workers
    give_up = time.monotonic() + 30
    while any(lives(process) for process in workers):
        assert time.monotonic() < give_up
        time.sleep(0.02)
    folder = AudioCache(tmp_path / "c", sample_rate=RATE).folder
    # What the processes had decoded was kept when the parent went.
    assert 0 < len(ShardFolder(folder)) < 40
    assert_stored(clips, run(clips, folder), folder)


def test_a_worker_needs_a_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(WorkerEndedError):
        Worker(Path("c"), RATE)


def test_a_script_without_a_main_guard_is_not_run_again(
    tmp_path: Path, clips: Clips
) -> None:
    script = tmp_path / "script.py"
    script.write_text(FILL.replace("import sys, time", "import sys, time\nprint(-1)"))
    command = [sys.executable, str(script), str(tmp_path / "data"), str(tmp_path / "c")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split().count("-1") == 1
    assert done.stdout.split()[-1] == str(len(clips))
