"""What listening costs is counted, and it costs no memory."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sonotype.inference.classifier import Classifier, load
from sonotype.inference.live.listening import Latencies, Listening, ListeningSummary
from sonotype.inference.live.source import FastSource, LiveSource
from sonotype.inference.scan import WindowScores

BUNDLE = Path(__file__).parents[2] / "data" / "tones_v1.sonotype"
RATE = 8_000


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load(BUNDLE)


def noise(n_samples: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    return (0.1 * generator.standard_normal(n_samples)).astype(np.float32)


def test_quantiles_are_right_to_one_percent(rng: np.random.Generator) -> None:
    latencies = Latencies()
    times = 10 ** rng.uniform(-4, 2, 5_001)
    for seconds in times:
        latencies.add(seconds)
    assert latencies.n == 5_001
    for share in (0.01, 0.5, 0.99, 1.0):
        expected = np.quantile(times, share, method="inverted_cdf")
        assert latencies.quantile(share) == pytest.approx(expected, rel=0.01)


def test_times_that_are_out_of_range_are_counted_at_its_ends() -> None:
    latencies = Latencies()
    assert latencies.quantile(0.5) is None
    for seconds in (-1.0, 0.0, 1e9):
        latencies.add(seconds)
    assert latencies.quantile(0.5) == pytest.approx(1e-5)
    highest = latencies.quantile(1)
    assert highest is not None
    assert highest > 3_600


def test_windows_are_those_of_the_stream(classifier: Classifier) -> None:
    samples = noise(3 * RATE)
    heard: list[np.ndarray] = []
    source = FastSource("a", np.array_split(samples, 37), sample_rate=RATE)
    listening = Listening(classifier, source, hop_seconds=0.1, on_block=heard.append)
    found = WindowScores.join(listening)
    expected = WindowScores.join(classifier.stream([samples], hop_seconds=0.1))
    np.testing.assert_array_equal(found.scores, expected.scores)
    np.testing.assert_array_equal(found.end_seconds, expected.end_seconds)
    np.testing.assert_array_equal(np.concatenate(heard), samples)
    summary = listening.summary()
    assert (summary.heard_seconds, summary.n_windows) == (3.0, len(expected))
    assert summary.n_dropped == 0
    assert summary.median_latency_seconds is None
    assert summary.cpu_share > 0


def test_latency_is_from_the_last_sample_to_what_was_done(
    classifier: Classifier,
) -> None:
    blocks = np.array_split(noise(RATE), 50)
    source = LiveSource.of_blocks("a", blocks, sample_rate=RATE, is_paced=True)
    listening = Listening(classifier, source)
    for _ in listening:
        time.sleep(0.05)  # what is done
    summary = listening.summary()
    assert summary.n_windows == 7
    assert summary.median_latency_seconds is not None
    assert summary.p99_latency_seconds is not None
    assert 0.05 <= summary.median_latency_seconds <= summary.p99_latency_seconds < 1


def test_the_summary_is_a_sentence() -> None:
    summary = ListeningSummary(61.25, 489, 0, 0.0, 0.031, 0.0231, 0.0402)
    assert str(summary) == (
        "heard 61.2 s, 489 windows, 0 samples lost, 3.1 % of a core, a window is "
        "through 23 ms after its last sample (99 %: 40 ms)"
    )
    summary = ListeningSummary(5, 9, 12_000, 1.5, 1.0, None, None, ("it is deaf",))
    assert str(summary) == (
        "heard 5.0 s, 9 windows, 12,000 samples lost (1.5 s), 100.0 % of a core; "
        "it is deaf"
    )


HOUR = """
import sys, time
import numpy as np
import sonotype
from sonotype.inference.event_detection import EventRule
from sonotype.inference.live.listening import Listening
from sonotype.inference.live.source import LiveSource
from sonotype.inference.online_detection import OnlineDetector, live_info

def megabytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

RATE, HOURS = 8_000, float(sys.argv[2])
seconds = np.arange(RATE) / RATE
noise = 0.05 * np.random.default_rng(0).standard_normal(RATE)
tones = [
    (0.3 * np.sin(2 * np.pi * pitch * seconds) + noise).astype(np.float32)
    for pitch in (440, 1_760, 440, 100, 3_000)
]

def blocks():
    for second in range(round(3_600 * HOURS)):
        tone = tones[second % len(tones)]
        # As time would hold it back.
        while source.ring.n_written - heard > 4 * RATE:
            time.sleep(0.001)
        for first in range(0, RATE, 800):
            yield tone[first : first + 800]

def count(block):
    global heard
    heard += len(block)

heard = n_events = 0
source = LiveSource.of_blocks("made", blocks(), sample_rate=RATE)
classifier = sonotype.load(sys.argv[1])
rule = EventRule(smooth_seconds=0.5, gap_seconds=0.3, min_seconds=0.1)
detector = OnlineDetector(live_info(classifier, "made", hop_seconds=0.25), rule)
listening = Listening(classifier, source, hop_seconds=0.25, on_block=count)
early = None
for windows in listening:
    n_events += len(detector.push(windows))
    if early is None and windows.end_seconds[-1] > 360 * HOURS:
        early = megabytes()
n_events += len(detector.finish())
summary = listening.summary()
print(early, megabytes(), n_events, summary.n_windows, summary.n_dropped)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_memory_does_not_grow_in_an_hour() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOUR, BUNDLE, "1"],
        capture_output=True,
        text=True,
        check=True,
    )
    early, late, n_events, n_windows, n_dropped = map(float, done.stdout.split())
    assert (n_windows, n_dropped) == (14_400, 0)
    assert n_events > 1_000
    # The floats of the sound alone would be 110 MB.
    assert late < early + 5
    assert late < 200
