"""What listening costs: processor time, and how long after a sound its line comes.

    python benchmarks/listen.py

Noise is played at real time through the ring that a microphone would fill, in blocks of
20 ms, and a JSON line is made of each window. CPU share is the process's time, all of
its threads, by the time that passes; 1 is one core. Latency is from the last sample of
a window, had it been heard when it was due, to the end of its line. A source at 48 kHz
is resampled as well. Loading the model is not counted.
"""

import argparse
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from made import untrained_bundle_apart
from results import save
from sonotype.inference.classifier import Classifier, load
from sonotype.inference.live.listening import Listening
from sonotype.inference.live.source import LiveSource
from sonotype.interfaces.cli.listen import Lines, make_writer


def measure(
    classifier: Classifier, *, sample_rate: int, seconds: float, hop: float | None
) -> dict[str, Any]:
    """Return the row of one rate and hop."""
    from sonotype.inference.event_detection import EventRule

    generator = np.random.default_rng(0)
    noise = 0.1 * generator.standard_normal(round(seconds * sample_rate))
    source = LiveSource.of_blocks(
        "noise",
        np.array_split(noise.astype(np.float32), max(1, round(seconds))),
        sample_rate=sample_rate,
        is_paced=True,
    )
    writer = make_writer(
        Lines.windows, classifier, source, EventRule(), hop=hop, refractory=None
    )
    printed = io.StringIO()
    listening = Listening(classifier, source, hop_seconds=hop)
    for windows in listening:
        for line in writer.push(windows):
            printed.write(f"{line}\n")
    assert all(json.loads(line) for line in printed.getvalue().splitlines())
    summary = listening.summary()
    median, p99 = summary.median_latency_seconds, summary.p99_latency_seconds
    assert median is not None
    assert p99 is not None
    return {
        "source_hz": sample_rate,
        "model_hz": classifier.sample_rate,
        "seconds": seconds,
        "hop_seconds": classifier.hop_samples(hop) / classifier.sample_rate,
        "windows": summary.n_windows,
        "dropped": summary.n_dropped,
        "cpu_share": round(summary.cpu_share, 4),
        "latency_ms_median": round(1_000 * median, 1),
        "latency_ms_p99": round(1_000 * p99, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--bundle", type=Path, help="instead of an untrained one")
    parser.add_argument("--dry", action="store_true", help="write no results")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        bundle = options.bundle or untrained_bundle_apart(Path(name), "default")[0]
        classifier = load(bundle)
        for rate in (classifier.sample_rate, 48_000):
            for hop in (None, classifier.clip_seconds / 10):
                row = measure(
                    classifier, sample_rate=rate, seconds=options.seconds, hop=hop
                )
                rows.append(
                    {"model": str(options.bundle or "default, untrained"), **row}
                )
                print(rows[-1], flush=True)
    if not options.dry:
        print("wrote", save("listen", rows))


if __name__ == "__main__":
    main()
