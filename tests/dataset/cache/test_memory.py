import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sonotype.dataset.spoken.wav_file import write_wav

RATE = 16_000
N_FILES = 320
FILE_SECONDS = 32
LIMIT_MB = 64

# Builds a cache of a folder and reads all of it, with memory for a fifth of it: folder
# of recordings, cache, megabytes, and after how many seconds processes take over.
# Mapped files are not memory; the disk holds them.
BUILD_AND_READ = """
import re, resource, sys
from pathlib import Path
import numpy as np
from sonotype.clips import Clip, Clips
from sonotype.dataset.cache import fill
from sonotype.dataset.cache.audio_cache import AudioCache

fill._THREADS_SECONDS, fill._WORTH_SECONDS = float(sys.argv[4]), -1
if sys.argv[4] == "0":
    del fill.Filler._store  # no thread decodes

def load(paths):
    cache = AudioCache(Path(sys.argv[2]), sample_rate=16_000)
    return cache.load(Clips.of(Clip(path, ("x",), path.stem) for path in paths))

paths = sorted(Path(sys.argv[1]).glob("*.wav"))
load(paths[:2])  # every library has then started its threads
status = Path("/proc/self/status").read_text()
used = 1024 * int(re.search(r"VmData:\\s+(\\d+)", status)[1])
limit = used + int(sys.argv[3]) * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
try:
    np.ones(300 * 2**20, np.int8)
except MemoryError:
    print("limited")
audio = load(paths)
n_samples = int(audio.lengths[0])
for start in range(0, len(audio), 4):
    batch = audio.batch(range(start, min(start + 4, len(audio))), n_samples)
    print(*np.rint(batch.sum(axis=1, dtype=np.float64) * 32_768).astype(int))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA as Linux counts it")
@pytest.mark.parametrize("threads_seconds", ["inf", "0"])
def test_a_data_set_may_be_larger_than_memory(
    tmp_path: Path, threads_seconds: str
) -> None:
    (tmp_path / "data").mkdir()
    generator = np.random.default_rng(0)
    noise = generator.uniform(-0.5, 0.5, RATE * FILE_SECONDS)
    sums = []
    for number in range(N_FILES):
        noise[: 1_000 + number] = number / N_FILES  # no two files are the same
        path = tmp_path / "data" / f"{number:03d}.wav"
        write_wav(path, noise, RATE)
        samples = np.frombuffer(path.read_bytes()[44:], "<i2")
        sums.append(int(samples.sum(dtype=np.int64)))
    folders = [str(tmp_path / name) for name in ("data", "cache")]
    settings = [str(LIMIT_MB), threads_seconds]
    done = subprocess.run(
        [sys.executable, "-c", BUILD_AND_READ, *folders, *settings],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    first, *lines = done.stdout.splitlines()
    assert first == "limited"
    assert [int(word) for line in lines for word in line.split()] == sums
    n_bytes = sum(f.stat().st_size for f in (tmp_path / "cache").rglob("*.i16"))
    assert n_bytes > 4.8 * LIMIT_MB * 2**20
