"""Draws the pictures of docs/reference/augment/; run it to renew them.

Each shows a made-up sound, then two versions that the layer drew, with the parameters.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOLDER = Path(__file__).parent / "augment"
RATE = 16_000
# Chosen by looking: both versions differ from the sound, and from each other.
SEEDS = {"time_mask": 3, "time_stretch": 8, "mix_style": 2, "cut_mix": 2}
# More than anyone would train with, so that it can be seen.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "background_noise": {"snr_db": [0.0, 15.0]},
    "clipping": {"limit_db": [-20.0, -6.0]},
    "coloured_noise": {"snr_db": [0.0, 10.0]},
    "cut_mix": {"alpha": 4.0},
    "filter_augment": {"max_change": 1.0},
    "frequency_shift": {"max_bands": 6},
    "gain": {"low_db": -12.0, "high_db": 6.0},
    "high_pass": {"cutoff_hz": [300.0, 2_000.0], "sample_rate": RATE},
    "low_pass": {"cutoff_hz": [500.0, 3_000.0], "sample_rate": RATE},
    "mix_style": {"alpha": 2.0},
    "mixup": {"alpha": 4.0},
    "pitch_shift": {"sample_rate": RATE, "semitones": [-7.0, 7.0]},
    "polarity_flip": {},
    "reverb": {"sample_rate": RATE, "decay_seconds": [0.3, 0.9], "direct_db": [-6, 3]},
    "shift": {"max_seconds": 0.2, "sample_rate": RATE},
    "spec_augment": {},
    "spec_warp": {"max_time_stretch": 0.3, "max_frequency_stretch": 0.3},
    "speed": {"low": 0.6, "high": 1.5},
    "telephone": {"sample_rate": RATE},
    "time_mask": {"max_seconds": 0.3, "sample_rate": RATE},
    "time_stretch": {"sample_rate": RATE, "speed": [0.6, 1.6]},
}
# Where a waveform says more from near: first and last second shown.
NEAR = {"clipping": (0.3, 0.33), "polarity_flip": (0.3, 0.33)}
# Their parameters are one number of many; the picture shows them better than a title.
UNREADABLE = ("start_samples", "reflections", "_band", "chosen")
UNTOLD = {"filter_augment", "spec_augment", "polarity_flip"}


def syllables() -> np.ndarray:
    """Return a second with a voiced syllable and a hiss, as in 'yes'."""
    time = np.arange(RATE) / RATE
    pitch_hz = 140 + 60 * np.clip((time - 0.2) / 0.3, 0, 1)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE
    formants = ((600, 150), (1_700, 250), (2_600, 300))
    voice = np.zeros(RATE)
    for harmonic in range(1, 36):
        frequency = harmonic * pitch_hz
        voice += np.cos(harmonic * phase) * sum(
            np.exp(-(((frequency - centre) / width) ** 2)) for centre, width in formants
        )
    rng = np.random.default_rng(1)
    hiss = np.convolve(rng.standard_normal(RATE), [1, -1.6, 0.7], mode="same")
    sound = 0.05 * voice * bump(time, 0.18, 0.5) + 0.02 * hiss * bump(time, 0.5, 0.74)
    return (sound + 1e-4 * rng.standard_normal(RATE)).astype(np.float32)


def whistle() -> np.ndarray:
    """Return a second with two whistles, for layers that mix neighbours."""
    time = np.arange(RATE) / RATE
    sweep = 2 * np.pi * np.cumsum(1_200 + 3_000 * time) / RATE
    envelope = bump(time, 0.05, 0.4) + bump(time, 0.6, 0.95)
    noise = np.random.default_rng(2).standard_normal(RATE)
    return (0.1 * envelope * np.sin(sweep) + 1e-3 * noise).astype(np.float32)


def bump(time: np.ndarray, start: float, end: float) -> np.ndarray:
    """Return a smooth hump between two moments, 1 in its middle."""
    place = np.clip((time - start) / (end - start), 0, 1)
    hump: np.ndarray = np.sin(np.pi * place) ** 0.7
    return hump


def draw_layer(name: str) -> "Figure":
    """Draw what a layer does."""
    from matplotlib.figure import Figure

    from sonotype.augment.table import AUGMENTATIONS

    layer = AUGMENTATIONS[name](
        **ARGUMENTS[name], probability=1.0, seed=SEEDS.get(name, 5)
    )
    other, own = whistle(), syllables()
    batch = np.stack([other, own, other, own])  # neighbours of the same are the same
    is_waveform = layer.takes == "waveforms"
    examples: Any = batch if is_waveform else features(batch)
    if layer.mixes_targets:
        examples = (examples, np.eye(4, dtype=np.float32))
    drawn = layer.draw(examples)
    changed = layer.apply(examples, drawn)
    changed = np.asarray(changed[0] if layer.mixes_targets else changed)
    before = examples[0] if layer.mixes_targets else examples
    panels = [("as it is", before[1])]
    if name in ("cut_mix", "mix_style", "mixup"):
        panels.append(("its neighbour", before[0]))
    panels += [(title(name, drawn, row), changed[row]) for row in (1, 3)]
    n_rows = 2 if is_waveform else 1
    size = (2.6 * len(panels), 1.6 * n_rows + 0.5)
    figure = Figure(figsize=size, layout="compressed")
    grid = figure.subplots(n_rows, len(panels), squeeze=False, sharey="row")
    for column, (head, values) in enumerate(panels):
        grid[0, column].set_title(head, fontsize=8)
        if is_waveform:
            draw_wave(grid[0, column], values, NEAR.get(name, (0.0, 1.0)))
        seen = features(values[None])[0] if is_waveform else values
        draw_features(grid[-1, column], seen)
    if is_waveform:
        grid[0, 0].set_ylabel("amplitude")
    grid[-1, 0].set_ylabel("mel band")
    return figure


def title(name: str, drawn: dict[str, Any], row: int) -> str:
    """Return what was drawn for one example, one parameter a line."""
    numbers = {key: np.asarray(values)[row].ravel() for key, values in drawn.items()}
    lines = [
        f"{key} {values[0]:.3g}" if abs(values[0]) < 100 else f"{key} {values[0]:.0f}"
        for key, values in numbers.items()
        if values.size == 1 and not key.endswith(UNREADABLE)
    ]
    told = [] if name in UNTOLD else lines[:3]
    return "\n".join(told) or "drawn"


def features(audio: np.ndarray) -> np.ndarray:
    """Return what the default recipe's network sees, `(batch, frames, bands)`."""
    from sonotype.settings import read_settings
    from sonotype.training.versions import plain_features

    return plain_features(audio, read_settings("default"))


def draw_wave(axes: "Axes", samples: np.ndarray, shown: tuple[float, float]) -> None:
    """Draw samples between two moments, or their outline where there are many."""
    first, last = (round(second * RATE) for second in shown)
    part = samples[first:last]
    if len(part) > 2_000:
        blocks = part[: len(part) // 40 * 40].reshape(-1, 40)
        time = np.linspace(*shown, len(blocks))
        axes.fill_between(time, blocks.min(axis=1), blocks.max(axis=1), linewidth=0.3)
    else:
        axes.plot(np.linspace(*shown, len(part)), part, linewidth=0.8)
    axes.set(xlim=shown)
    axes.tick_params(labelsize=7)


def draw_features(axes: "Axes", values: np.ndarray) -> None:
    """Draw features on the colours that all the pictures share."""
    axes.imshow(
        values.T,  # (frames, bands) -> (bands, frames)
        extent=(0.0, 1.0, 0, values.shape[1]),
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=-2.5,
        vmax=2.5,
        interpolation="nearest",
    )
    axes.set_xlabel("seconds", fontsize=7)
    axes.tick_params(labelsize=7)


def main() -> None:
    """Write every picture."""
    from sonotype.augment.table import AUGMENTATIONS

    FOLDER.mkdir(exist_ok=True)
    for name in AUGMENTATIONS:
        save(draw_layer(name), FOLDER / f"{name}.png")


def save(figure: "Figure", path: Path) -> None:
    """Write a figure in 64 colours: a third of the bytes, and no one sees it."""
    from PIL import Image

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=85)
    Image.open(buffer).convert("RGB").quantize(64).save(path, optimize=True)


if __name__ == "__main__":
    main()
