"""Measure every backbone and write what was found beside this file.

    python -m sonotype.models.measure

To be run when a backbone is added or changed; a test compares the file with the code.
"""

import csv
from pathlib import Path

import keras

from sonotype.atomic import atomic_file
from sonotype.frontend.pad import Pad
from sonotype.frontend.presets import PRESETS, RATED, preset_layers
from sonotype.frontend.table import FRONTENDS
from sonotype.models.cost import count_macs, count_parameters
from sonotype.models.listing import COLUMNS, FILE_NAME, ListedBackbone
from sonotype.models.table import BACKBONES, Backbone
from sonotype.settings import read_settings

CLIP_SECONDS = 1.0


def measure(name: str) -> ListedBackbone:
    """Build a backbone behind its front end and count.

    The clip is one of a second, with the silence that its weights need around it. A
    network from images sees a clip of any length as one picture: of a clip of five
    seconds, a second costs it a fifth.

    Args:
        name: A name in `BACKBONES`; one without a front end of its own is built behind
            that of the default recipe.
    """
    known = BACKBONES[name]
    backbone = known.build(_features(known))
    return ListedBackbone(
        name=name,
        summary=known.summary,
        n_parameters=count_parameters(backbone),
        macs_per_second=round(count_macs(backbone) / CLIP_SECONDS),
        sample_rate=known.sample_rate,
        weights=known.weights,
    )


def _features(known: Backbone) -> tuple[int, ...]:
    """Return the shape of the features of a clip."""
    if known.frontend is None:
        settings = read_settings("default")
        sample_rate = settings.audio.sample_rate
        steps = [
            FRONTENDS[chosen.layer](
                **chosen.arguments,
                **({"sample_rate": sample_rate} if chosen.layer in RATED else {}),
            )
            for chosen in settings.frontend
        ]
    else:
        sample_rate = PRESETS[known.frontend].sample_rate
        steps = preset_layers(known.frontend)
    pad = Pad(seconds=known.pad_seconds, sample_rate=sample_rate)
    flow = keras.Input((round(CLIP_SECONDS * sample_rate),))
    for step in (pad, *steps):
        flow = step(flow)
    return tuple(flow.shape[1:])


def write_listing(path: Path) -> None:
    """Write the listing of all backbones into a CSV file."""
    rows = [measure(name).to_row() for name in BACKBONES]
    with atomic_file(path) as partial, partial.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    write_listing(Path(__file__).with_name(FILE_NAME))
