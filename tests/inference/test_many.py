"""Many files at once: their scores and their order are those of one at a time."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.clips import Clip, Clips
from sonotype.errors import AudioError
from sonotype.inference.classifier import Classifier, load
from sonotype.inference.many import score_many
from sonotype.inference.scan import RuntimePool
from sonotype.labels import Labels
from sonotype.runtime import Runtime

BUNDLE = Path(__file__).parents[1] / "data" / "tones_v1.sonotype"
N_FILES = 40


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load(BUNDLE)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return noise of many lengths, rates and numbers of channels."""
    rng = np.random.default_rng(5)
    folder = tmp_path_factory.mktemp("many")
    made = []
    for place in range(N_FILES):
        rate = int(rng.choice([8_000, 11_025, 44_100]))
        shape = int(rng.integers(1, 2 * rate)), int(rng.integers(1, 3))
        made.append(folder / f"{place}.wav")
        soundfile.write(made[-1], 0.2 * rng.standard_normal(shape), rate)
    return made


@pytest.mark.parametrize("n_threads", [None, 1, 2, 5])
def test_predictions_are_to_the_bit_those_of_one_file_at_a_time(
    classifier: Classifier, files: list[Path], n_threads: int | None
) -> None:
    expected = [classifier.predict(file) for file in files]
    assert len({p.score for p in expected}) > N_FILES // 2  # they are not all the same
    assert list(classifier.predict_many(files, n_threads=n_threads)) == expected
    clips = Clips.of(
        [Clip(file, labels=("high",), group="") for file in files],
        Labels(("high", "low")),
    )
    np.testing.assert_array_equal(
        classifier.scores(clips, n_threads=n_threads),
        [[dict(p)[label] for label in classifier.labels] for p in expected],
    )


def test_a_bad_file_raises_in_its_place(
    classifier: Classifier, files: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    found = classifier.predict_many([*files[:7], tmp_path / "bad.wav", *files[7:]])
    for file in files[:7]:
        assert next(found).path == file
    with pytest.raises(AudioError, match=r"bad\.wav"):
        next(found)
    assert list(found) == []


def test_bad_files_can_be_left_out(
    classifier: Classifier, files: list[Path], tmp_path: Path
) -> None:
    for name in ("one.wav", "two.wav"):
        (tmp_path / name).write_bytes(b"no sound")
    mixed = [tmp_path / "one.wav", *files[:9], tmp_path / "two.wav", *files[9:]]
    bad = []
    found = classifier.predict_many(mixed, on_error=lambda path, _: bad.append(path))
    assert [prediction.path for prediction in found] == files
    assert bad == [tmp_path / "one.wav", tmp_path / "two.wav"]


@pytest.mark.parametrize("n_files", [0, 1])
def test_one_file_loads_nothing_more(
    classifier: Classifier,
    files: list[Path],
    n_files: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> RuntimePool:
        raise AssertionError("it loads runtimes")

    monkeypatch.setattr(classifier, "runtimes", refuse)
    assert len(list(classifier.predict_many(files[:n_files]))) == n_files


class First:
    """Scores a clip by its first sample."""

    n_samples = 1
    n_labels = 1

    def scores(self, samples: np.ndarray) -> np.ndarray:
        return samples[:, :1]


@pytest.mark.parametrize(("n_samples", "most_kept"), [(10, 3 * 32), (2**20 + 1, 3)])
def test_a_few_clips_are_taken_up_ahead_and_fewer_long_ones_kept(
    n_samples: int, most_kept: int
) -> None:
    lock = threading.Lock()
    taken: list[int] = []
    kept = [0]

    def items() -> Iterator[int]:
        for item in range(300):
            taken.append(item)
            yield item

    def read(item: int) -> np.ndarray:
        with lock:
            kept.append(kept[-1] + 1)
        return np.full(n_samples, item, np.float32)

    def score(samples: np.ndarray, runtime: Runtime) -> np.ndarray:
        with lock:
            kept.append(kept[-1] - 1)
        return runtime.scores(samples[None])[0]

    pool = RuntimePool([First(), First()])
    for item, found in score_many(read, score, items(), lambda: pool, alone=pool):
        assert isinstance(found, np.ndarray)
        assert found[0] == item
        assert len(taken) - item <= 32 * (2 * 3 + 2)
    assert len(taken) == 300
    assert max(kept) <= most_kept


def test_files_that_one_has_to_wait_for_are_waited_for_together() -> None:
    lock = threading.Lock()
    n_reading = most = 0

    def read(item: int) -> np.ndarray:
        nonlocal n_reading, most
        with lock:
            n_reading += 1
            most = max(most, n_reading)
        time.sleep(0.004)
        with lock:
            n_reading -= 1
        return np.full(1, item, np.float32)

    def score(samples: np.ndarray, runtime: Runtime) -> np.ndarray:
        return runtime.scores(samples[None])[0]

    pool = RuntimePool([First(), First()])
    found = list(score_many(read, score, range(120), lambda: pool, alone=pool))
    for item, scores in found:
        assert isinstance(scores, np.ndarray)
        assert scores[0] == item
    assert len(found) == 120
    assert most == 3  # one more than there are runtimes


def test_what_nobody_asks_for_any_more_ends_on_any_thread() -> None:
    asked = threading.Event()
    ended: list[object] = []

    def read(item: int) -> np.ndarray:
        if item == 2:
            asked.wait(10)
            try:
                found.close()  # as Python does when it collects it on this thread
            except RuntimeError as error:
                ended.append(error)
            else:
                ended.append(None)
        return np.full(1, item, np.float32)

    def score(samples: np.ndarray, runtime: Runtime) -> np.ndarray:
        return runtime.scores(samples[None])[0]

    pool = RuntimePool([First(), First()])
    found = score_many(read, score, range(300), lambda: pool, alone=pool)
    assert next(found)[0] == 0
    asked.set()
    for _ in range(1_000):
        if ended:
            break
        time.sleep(0.01)
    assert ended == [None]
