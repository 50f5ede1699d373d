"""How `tones_v1.sonotype` was made: two made-up tones, a tiny network, format 1.

    python tests/data/make_bundle_v1.py FOLDER

The bundle is kept as it was written in 2026 and never made again: every later sonotype
must open it and give the same scores.
"""

import sys
from pathlib import Path

import numpy as np
import soundfile

import sonotype

SAMPLE_RATE = 8_000


def main(root: Path) -> None:
    generator = np.random.default_rng(0)
    seconds = np.arange(SAMPLE_RATE // 4) / SAMPLE_RATE
    for label, hertz in {"high": 1_760.0, "low": 440.0}.items():
        for position in range(30):
            pitch = hertz * generator.uniform(0.95, 1.05)
            clip = 0.3 * np.sin(2 * np.pi * pitch * seconds)
            clip += 0.05 * generator.standard_normal(len(seconds))
            path = (
                root
                / "tones"
                / label
                / f"{position // 3:08x}_nohash_{position % 3}.wav"
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, clip, SAMPLE_RATE)

    settings = sonotype.read_settings(
        overrides={
            "audio": {"sample_rate": SAMPLE_RATE, "clip_seconds": 0.25},
            "frontend": [{"layer": "log_mel", "n_mels": 16}],
            "augment": {"waveform": [], "spectrogram": []},
            "model.options": {"channels": [4, 4], "strides": [2, 2]},
            "training.epochs": 20,
            "training.batch_size": 8,
            "training.learning_rate": 0.01,
        }
    )
    parts = sonotype.split(
        sonotype.read_folder(root / "tones"), validation=0.2, test=0.2
    )
    trained = sonotype.train(parts.train, parts.validation, settings=settings)
    report = sonotype.evaluate(trained, parts.test)
    print(report)
    metrics = report.to_dict()
    sonotype.export(trained, root / "tones_v1.sonotype", test_metrics=metrics)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
