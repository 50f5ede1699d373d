"""Scanning gives the scores that prediction gives of the same windows."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.audio.io import read_audio
from sonotype.audio.stream import AudioStream
from sonotype.audio.windows import cut_windows
from sonotype.errors import AudioError, DataError, SettingError
from sonotype.inference.classifier import Classifier, load
from sonotype.inference.scan import RuntimePool, WindowScores, scan_stream
from sonotype.runtime import LiteRT

BUNDLE = Path(__file__).parents[1] / "data" / "tones_v1.sonotype"


class Loudness:
    """A runtime whose scores are the mean and the maximum of a window."""

    n_samples = 100
    n_labels = 2

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def scores(self, samples: np.ndarray) -> np.ndarray:
        self.threads.add(threading.get_ident())
        return np.stack([samples.mean(axis=1), samples.max(axis=1)], axis=1)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load(BUNDLE)


def recording(path: Path, rng: np.random.Generator, n_samples: int, rate: int) -> Path:
    soundfile.write(path, 0.1 * rng.standard_normal(n_samples), rate)
    return path


def scanned(parts: Iterator[WindowScores]) -> WindowScores:
    return WindowScores.join(parts)


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".ogg"])
@pytest.mark.parametrize("rate", [8_000, 48_000])
@pytest.mark.parametrize("hop_seconds", [0.125, 0.1, 0.25, None])
def test_its_scores_are_those_of_prediction_to_the_last_bit(
    suffix: str,
    rate: int,
    hop_seconds: float | None,
    classifier: Classifier,
    rng: np.random.Generator,
    tmp_path: Path,
) -> None:
    path = recording(tmp_path / f"a{suffix}", rng, 5 * rate + 77, rate)
    found = scanned(classifier.scan(path, hop_seconds=hop_seconds))
    hop = round(8_000 * (hop_seconds or 0.125))
    windows = cut_windows(read_audio(path, 8_000), 2_000, hop=hop)
    expected = LiteRT(BUNDLE / "model.tflite").scores(windows)
    np.testing.assert_array_equal(found.scores, expected)
    mean = dict(classifier.predict(path))
    if hop_seconds in (0.125, None):
        assert found.scores.mean(axis=0)[0] == pytest.approx(mean["high"], abs=1e-6)


def test_windows_begin_every_hop_and_the_last_ends_with_the_recording(
    classifier: Classifier, rng: np.random.Generator, tmp_path: Path
) -> None:
    path = recording(tmp_path / "a.wav", rng, 9_601, 8_000)
    found = scanned(classifier.scan(path, hop_seconds=0.1))
    starts = [*np.arange(10) * 0.1, 9_601 / 8_000 - 0.25]
    np.testing.assert_allclose(found.start_seconds, starts, atol=1e-12)
    np.testing.assert_allclose(found.end_seconds[:-1], found.start_seconds[:-1] + 0.25)
    assert found.end_seconds[-1] == 9_601 / 8_000


@pytest.mark.parametrize("n_samples", [1, 999, 2_000, 2_001])
def test_no_time_lies_after_the_end(
    n_samples: int, classifier: Classifier, rng: np.random.Generator, tmp_path: Path
) -> None:
    # At another rate, so that the length is rounded.
    path = recording(tmp_path / "a.wav", rng, n_samples, 11_025)
    found = scanned(classifier.scan(path))
    assert found.end_seconds.max() == found.end_seconds[-1] == n_samples / 11_025
    assert found.start_seconds[0] == 0


@pytest.mark.parametrize("n_runtimes", [1, 3])
def test_the_number_of_threads_changes_nothing(
    n_runtimes: int, rng: np.random.Generator, tmp_path: Path
) -> None:
    path = recording(tmp_path / "a.wav", rng, 500_000, 8_000)
    pool = RuntimePool([Loudness() for _ in range(n_runtimes)])
    found = scanned(scan_stream(AudioStream(path, 8_000), pool, hop=50))
    windows = cut_windows(read_audio(path, 8_000), 100, hop=50)
    np.testing.assert_array_equal(found.scores, Loudness().scores(windows))


def test_two_scans_at_the_same_time_do_not_disturb_each_other(
    classifier: Classifier, rng: np.random.Generator, tmp_path: Path
) -> None:
    paths = [recording(tmp_path / f"{name}.wav", rng, 400_000, 48_000) for name in "ab"]
    expected = [scanned(classifier.scan(path)).scores for path in paths]
    pairs = list(zip(*(classifier.scan(path) for path in paths), strict=True))
    for scores, parts in zip(expected, zip(*pairs, strict=True), strict=True):
        np.testing.assert_array_equal(scanned(iter(parts)).scores, scores)


def test_a_damaged_end_is_an_error(
    classifier: Classifier, rng: np.random.Generator, tmp_path: Path
) -> None:
    path = recording(tmp_path / "a.flac", rng, 2_000_000, 8_000)
    path.write_bytes(path.read_bytes()[:-100_000])
    with pytest.raises(AudioError, match=r"a\.flac"):
        list(classifier.scan(path))


def test_scores_that_are_no_numbers_are_an_error(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    class Broken(Loudness):
        def scores(self, samples: np.ndarray) -> np.ndarray:
            scores = super().scores(samples)
            scores[-1] = np.nan
            return scores

    path = recording(tmp_path / "a.wav", rng, 300, 8_000)
    with pytest.raises(DataError, match=r"no finite scores .* at 0\.0125 s"):
        list(scan_stream(AudioStream(path, 8_000), RuntimePool([Broken()]), hop=100))


@pytest.mark.parametrize("hop_seconds", [0, -1, 0.3, float("nan"), float("inf")])
def test_a_hop_that_leaves_sound_out_is_refused(
    hop_seconds: float, classifier: Classifier
) -> None:
    with pytest.raises(SettingError, match=r"must be from one sample to the 0\.25 s"):
        list(classifier.scan("a.wav", hop_seconds=hop_seconds))


def test_a_scan_that_is_put_aside_ends(
    classifier: Classifier, rng: np.random.Generator, tmp_path: Path
) -> None:
    path = recording(tmp_path / "a.wav", rng, 4_000_000, 8_000)
    before = threading.active_count()
    parts = iter(classifier.scan(path))
    next(parts)
    parts.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_a_classifier_made_with_another_runtime_scans_with_it() -> None:
    other = Loudness()
    made = Classifier(load(BUNDLE).bundle, other)
    assert made.runtimes(4).runtimes == (other,)


MEMORY = """
import sys
from pathlib import Path
import sonotype
classifier = sonotype.load(sys.argv[1])
n_windows = sum(len(part) for part in classifier.scan(sys.argv[2], hop_seconds=0.25))
# Not ru_maxrss: it remembers the process that started this one.
status = Path("/proc/self/status").read_text().split()
print(n_windows, int(status[status.index("VmHWM:") + 1]) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs files with holes")
def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    used = []
    for minutes in (2, 60):
        path = tmp_path / f"{minutes}.wav"
        # A header, and then a hole: silence that takes up no room.
        soundfile.write(path, np.zeros(0), 48_000, format="WAV")
        header = bytearray(path.read_bytes())
        n_bytes = minutes * 60 * 48_000 * 2
        header[-4:] = n_bytes.to_bytes(4, "little")
        path.write_bytes(header)
        with path.open("r+b") as stream:
            stream.truncate(len(header) + n_bytes)
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, BUNDLE, path],
            capture_output=True,
            text=True,
            check=True,
        )
        n_windows, megabytes = map(int, done.stdout.split())
        assert n_windows == minutes * 240
        used.append(megabytes)
    assert used[1] < used[0] + 10
    assert used[1] < 200


def test_scanning_needs_no_table_library(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    path = recording(tmp_path / "a.wav", rng, 8_000, 8_000)
    code = (
        "import sys, sonotype\n"
        "n = sum(map(len, sonotype.load(sys.argv[1]).scan(sys.argv[2])))\n"
        "print(n, {'tensorflow', 'keras', 'polars'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, BUNDLE, path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["7", "set()"]
