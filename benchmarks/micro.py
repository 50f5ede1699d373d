"""What networks take of a microcontroller: flash for the graph, memory for the arena.

    python benchmarks/micro.py

Sizes do not depend on what weights learned, so these are random. Needs the extra
`micro`, which measures arenas; nothing is timed. Writes `results/micro.csv`.
"""

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from made import LABELS
from results import save
from sonotype.errors import ExportError, SettingError
from sonotype.exporters.micro.write import micro_facts, write_micro
from sonotype.frontend.presets import preset_layers
from sonotype.models.classifier import build_classifier
from sonotype.models.table import BACKBONES
from sonotype.settings import read_settings
from sonotype.training.build import build_frontend

RATE = 16_000
# Those of pictures and of EfficientAT are left out: no C code makes what they see.
TRIED = (
    "residual",
    "cnn",
    "ds_cnn",
    "matchboxnet",
    "bc_resnet",
    "crnn",
    "keyword_transformer",
    "speech_embedding",
)


def front_end(backbone: str) -> list[keras.layers.Layer]:
    """Return the layers a backbone is meant for, or those of the default recipe."""
    preset = BACKBONES[backbone].frontend
    if preset is not None:
        return preset_layers(preset)
    return build_frontend(read_settings("default"))


def measure(backbone: str, clips: np.ndarray) -> dict[str, Any]:
    """Return what a backbone takes, or why it cannot run there."""
    keras.utils.set_random_seed(0)
    options: dict[str, Any] = {"weights": None} if BACKBONES[backbone].weights else {}
    model = build_classifier(
        front_end(backbone),
        n_classes=len(LABELS),
        clip_seconds=1.0,
        sample_rate=RATE,
        backbone=backbone,
        **options,
    )
    row: dict[str, Any] = {
        "backbone": backbone,
        "n_parameters": model.count_params(),
        "graph_kb": "",
        "arena_kb": "",
        "n_operators": "",
        "operators": "",
        "refused": "",
    }
    with tempfile.TemporaryDirectory() as made:
        try:
            write_micro(model, clips, Path(made) / "micro")
        except ExportError as error:
            return {**row, "refused": str(error).partition(";")[0]}
        facts = micro_facts(Path(made) / "micro")
    if facts["arena_measured_by"] is None:
        raise SettingError("arenas are measured with sonotype[micro]; install it")
    return {
        **row,
        "graph_kb": round(facts["graph_bytes"] / 1024),
        "arena_kb": round(facts["arena_bytes"] / 1024),
        "n_operators": facts["n_operators"],
        "operators": " ".join(facts["operators"]),
    }


def main() -> None:
    """Measure every backbone that might run there."""
    clips = np.random.default_rng(0).normal(0.0, 0.1, (20, RATE)).astype(np.float32)
    rows = [measure(backbone, clips) for backbone in TRIED]
    for row in rows:
        print(*row.values(), sep="\t")
    print(save("micro", rows))


if __name__ == "__main__":
    main()
