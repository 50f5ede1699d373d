from collections import Counter

import numpy as np
import pytest

from sonotype.training.batches import EvaluationBatches, TrainingBatches

N_CLIPS = 10


class Ramp:
    """Cached audio whose clip `i` is the constant `i`."""

    def batch(
        self,
        positions: np.ndarray,
        n_samples: int,
        rng: np.random.Generator | None = None,
    ) -> np.ndarray:
        crop = 0 if rng is None else rng.integers(1_000)
        constant = np.asarray(positions, np.float32)[:, None] + crop / 1e4
        return np.repeat(constant, n_samples, axis=1).astype(np.float32)


def batches(**changes: int) -> TrainingBatches:
    options = {"n_samples": 5, "batch_size": 4, "seed": 0} | changes
    return TrainingBatches(Ramp(), np.eye(N_CLIPS, dtype=np.float32), **options)  # type: ignore[arg-type]


def heard(feed: TrainingBatches, n_steps: int) -> list[int]:
    """Return the clips of the first steps in the order they are fed."""
    steps = (feed[step][0]["audio"][:, 0] for step in range(n_steps))
    return np.concatenate(list(steps)).astype(int).tolist()


def test_every_round_holds_every_clip_once_in_another_order() -> None:
    order = heard(batches(batch_size=5), 8)
    rounds = [order[first : first + N_CLIPS] for first in range(0, len(order), N_CLIPS)]
    assert all(sorted(one) == list(range(N_CLIPS)) for one in rounds)
    assert len({tuple(one) for one in rounds}) == len(rounds)


def test_batches_are_full_and_run_on_over_the_rounds() -> None:
    order = heard(batches(batch_size=4), 15)  # exactly 6 rounds of 10 clips
    assert set(Counter(order).values()) == {6}


@pytest.mark.parametrize("batch_size", [1, 3, 10, 16, 64])
def test_a_batch_may_be_larger_than_the_set(batch_size: int) -> None:
    audio, target = batches(batch_size=batch_size)[0]
    assert audio["audio"].shape == (batch_size, 5)
    np.testing.assert_array_equal(target, audio["target"])
    np.testing.assert_array_equal(target.argmax(1), audio["audio"][:, 0].astype(int))


def test_the_same_seed_is_the_same_feed_and_another_is_not() -> None:
    first, again, other = (batches(seed=seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first[0]["audio"], again[0]["audio"])
    assert not np.array_equal(first[0]["audio"], other[0]["audio"])


def test_a_batch_does_not_depend_on_those_read_before() -> None:
    straight, jumping = batches(), batches()
    expected = [straight[step][0]["audio"] for step in range(3)]
    for step in (2, 0, 1):
        np.testing.assert_array_equal(jumping[step][0]["audio"], expected[step])


def test_evaluation_reads_every_clip_once_in_order_without_chance() -> None:
    feed = EvaluationBatches(
        Ramp(),  # type: ignore[arg-type]
        np.eye(N_CLIPS, dtype=np.float32),
        n_samples=5,
        batch_size=4,
    )
    assert [len(feed[step][1]) for step in range(len(feed))] == [4, 4, 2]
    read = np.concatenate([feed[step][0]["audio"][:, 0] for step in range(len(feed))])
    np.testing.assert_array_equal(read, np.arange(N_CLIPS))
