"""Draws three pictures of docs/reference/frontend/; run it to renew them.

They show the layers from a waveform to a picture of it (spectrogram, log-mel, presets)
at work on words that espeak-ng speaks.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sonotype.audio.resample import resample
from sonotype.dataset.spoken.espeak import Espeak, Voice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOLDER = Path(__file__).parent / "frontend"
RATE = 16_000


def words(sample_rate: int = RATE) -> np.ndarray:
    """Return 'yes, stop' in a little room noise."""
    with Espeak() as espeak:
        spoken = espeak.say("yes, stop", Voice("en-us"))
        spoken_rate = espeak.sample_rate
    spoken = resample(spoken, from_rate=spoken_rate, to_rate=sample_rate)
    noise = np.random.default_rng(0).standard_normal(len(spoken))
    return (spoken + 3e-4 * noise).astype(np.float32)


def show(axes: "Axes", features: np.ndarray, title: str, seconds: float) -> None:
    """Draw the features of one clip, low frequencies below."""
    axes.imshow(
        features.T,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(0, seconds, -0.5, features.shape[1] - 0.5),
        vmin=np.quantile(features, 0.02),
    )
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("seconds")


def panels(n_columns: int) -> tuple["Figure", list["Axes"]]:
    """Return a figure and its panels, left to right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 2.6), layout="compressed")
    return figure, [
        figure.add_subplot(1, n_columns, column + 1) for column in range(n_columns)
    ]


def draw_spectrogram() -> "Figure":
    """Draw the same words with short frames and with long ones."""
    from sonotype.frontend.spectrogram import Spectrogram

    clip = words()
    figure, columns = panels(2)
    for axes, frame_length in zip(columns, (128, 1024), strict=True):
        layer = Spectrogram(frame_length=frame_length, hop_length=64, power=2.0)
        decibels = 10 * np.log10(np.asarray(layer(clip[None]))[0] + 1e-6)
        title = f"frame_length = {frame_length} ({1000 * frame_length // RATE} ms)"
        show(axes, decibels, title, len(clip) / RATE)
    columns[0].set_ylabel("FFT bin")
    return figure


def draw_log_mel() -> "Figure":
    """Draw a spectrogram and two kinds of mel bands of it."""
    from sonotype.frontend.log_mel import LogMel
    from sonotype.frontend.spectrogram import Spectrogram

    clip = words()
    seconds = len(clip) / RATE
    plain = Spectrogram(frame_length=400, hop_length=160, power=2.0)
    mel = LogMel(sample_rate=RATE, n_mels=40)
    range_db = 50.0
    ranged = LogMel(sample_rate=RATE, n_mels=40, log="decibels", range_db=range_db)
    figure, (left, middle, right) = panels(3)
    logarithm = np.log(np.asarray(plain(clip[None]))[0] + 1e-6)
    show(left, logarithm, "257 bins, logarithm", seconds)
    left.set_ylabel("band")
    show(middle, np.asarray(mel(clip[None]))[0], "40 mel bands", seconds)
    title = f"decibels, range_db = {range_db:g}"
    show(right, np.asarray(ranged(clip[None]))[0], title, seconds)
    return figure


def draw_presets() -> "Figure":
    """Draw what each published front end hears."""
    import keras

    from sonotype.frontend.presets import PRESETS, preset_layers

    figure, columns = panels(len(PRESETS))
    for axes, (name, preset) in zip(columns, PRESETS.items(), strict=True):
        clip = words(preset.sample_rate)
        heard = np.asarray(keras.Sequential(preset_layers(name))(clip[None]))[0]
        if heard.ndim == 3:  # one channel of a picture, as a colour scale can show it
            heard = np.minimum(heard[..., 0], np.quantile(heard, 0.99))
        show(axes, heard, name, len(clip) / preset.sample_rate)
    columns[0].set_ylabel("band, or column of the picture")
    return figure


def save(figure: "Figure", name: str) -> None:
    """Write a small PNG; a few colours are enough and compress well."""
    from PIL import Image

    rendered = io.BytesIO()
    figure.savefig(rendered, dpi=110)
    with Image.open(rendered) as picture:
        FOLDER.mkdir(exist_ok=True)
        colours = picture.convert("RGB").quantize(48, dither=Image.Dither.NONE)
        colours.save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    save(draw_spectrogram(), "spectrogram")
    save(draw_log_mel(), "log-mel")
    save(draw_presets(), "presets")
