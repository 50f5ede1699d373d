"""Draws seven pictures of docs/reference/frontend/; run it to renew them.

They show the layers that change levels and shapes (pcen, mfcc, pre-emphasis, normalize,
standardize, pad, to_image) at work on words that espeak-ng speaks.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sonotype.audio.resample import resample
from sonotype.dataset.spoken.espeak import Espeak, Voice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOLDER = Path(__file__).parent / "frontend"
RATE = 16_000
HOP_SECONDS = 0.010
LOW_HZ, HIGH_HZ = 60.0, 7_600.0


def words() -> np.ndarray:
    """Return 'yes, stop' in a little room noise, at 16 kHz."""
    with Espeak() as espeak:
        spoken = espeak.say("yes, stop", Voice("en-us"))
        rate = espeak.sample_rate
    spoken = resample(spoken, from_rate=rate, to_rate=RATE)
    noise = np.random.default_rng(0).standard_normal(len(spoken))
    return (spoken + 3e-4 * noise).astype(np.float32)


def in_a_hum(clip: np.ndarray) -> np.ndarray:
    """Return the clip beside a machine: a steady tone, its harmonics, and hiss."""
    time = np.arange(len(clip)) / RATE
    tones = sum(np.sin(2 * np.pi * 300 * n * time) / n for n in (1, 2, 3, 5, 7))
    hiss = np.random.default_rng(1).standard_normal(len(clip))
    return (clip + 0.01 * tones + 0.002 * hiss).astype(np.float32)


def through_a_wall(clip: np.ndarray) -> np.ndarray:
    """Return the clip from another room: quieter, and the more so the higher."""
    spectrum = np.fft.rfft(clip)
    hertz = np.fft.rfftfreq(len(clip), 1 / RATE)
    return np.fft.irfft(0.2 * spectrum / (1 + hertz / 500), len(clip)).astype(
        np.float32
    )


def bands(clip: np.ndarray, log: Any = "stabilised") -> np.ndarray:
    """Return mel bands as a batch of one."""
    from sonotype.frontend.log_mel import LogMel

    layer = LogMel(sample_rate=RATE, n_mels=40, low_hz=LOW_HZ, high_hz=HIGH_HZ, log=log)
    return np.asarray(layer(clip[None]))


def show(
    axes: "Axes",
    features: np.ndarray,
    title: str,
    *,
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw the features of one clip, low bands below."""
    low, high = limits or (features.min(), features.max())
    n_frames, n_bands = features.shape
    axes.imshow(
        features.T,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(0, n_frames * HOP_SECONDS, -0.5, n_bands - 0.5),
        vmin=low,
        vmax=high,
    )
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("seconds")


def draw_pcen() -> "Figure":
    """Draw words beside a machine, with a logarithm and with PCEN."""
    from sonotype.frontend.pcen import PCEN

    clip = in_a_hum(words())
    normalised = PCEN(hop_seconds=HOP_SECONDS)(bands(clip, "none"))
    figure, (left, right) = panels(1, 2)
    show(left, bands(clip)[0], "logarithm: the hum is everywhere")
    show(right, np.asarray(normalised)[0], "pcen: it fades, the words stay")
    left.set_ylabel("mel band")
    return figure


def draw_mfcc() -> "Figure":
    """Draw mel bands and the coefficients made of them."""
    from sonotype.frontend.mfcc import MFCC

    log_mel = bands(words())
    coefficients = np.asarray(MFCC(13, lifter=22.0)(log_mel))
    figure, (left, right) = panels(1, 2)
    show(left, log_mel[0], "40 log-mel bands")
    left.set_ylabel("mel band")
    show(right, coefficients[0], "13 coefficients, lifter 22", limits=(-40, 40))
    right.set_ylabel("coefficient")
    return figure


def draw_pre_emphasis() -> "Figure":
    """Draw the average spectrum of words before and after."""
    from sonotype.frontend.pre_emphasis import PreEmphasis
    from sonotype.frontend.spectrogram import Spectrogram

    clip = words()
    spectrogram = Spectrogram(frame_length=400, hop_length=160, power=2.0)
    figure, (axes,) = panels(1, 1)
    for name, samples in {
        "as recorded": clip[None],
        "with pre-emphasis 0.97": np.asarray(PreEmphasis(0.97)(clip[None])),
    }.items():
        power = np.asarray(spectrogram(samples))[0].mean(axis=0)
        kilohertz = np.linspace(0, RATE / 2_000, len(power))
        axes.plot(kilohertz, 10 * np.log10(power), label=name)
    axes.set_xlabel("kilohertz")
    axes.set_ylabel("mean power, dB")
    axes.legend(frameon=False)
    return figure


def draw_normalize() -> "Figure":
    """Draw one recording near and through a wall, normalised in both ways."""
    from sonotype.frontend.normalize import Normalize

    near = words()
    pair = np.concatenate([bands(near), bands(through_a_wall(near))])
    learned = Normalize("data")
    learned.adapt(pair)
    columns = {
        "log_mel": pair,
        'statistics = "data"': np.asarray(learned(pair)),
        'statistics = "clip"': np.asarray(Normalize("clip")(pair)),
    }
    figure, axes = panels(2, 3)
    for column, (title, features) in enumerate(columns.items()):
        limits = (float(features.min()), float(features.max()))
        for row in range(2):
            show(
                axes[3 * row + column],
                features[row],
                title if not row else "",
                limits=limits,
            )
    axes[0].set_ylabel("near")
    axes[3].set_ylabel("through a wall")
    for above in axes[:3]:
        above.set_xlabel("")
    return figure


def draw_pad() -> "Figure":
    """Draw how many frames of speech_embedding look at each moment of a clip."""
    from sonotype.frontend.presets import preset_layers
    from sonotype.models.speech_embedding import speech_embedding

    n_frames, seconds = 76, np.arange(1_000) / 1_000
    figure, (axes,) = panels(1, 1)
    for name, silence in {"as it is": 0.0, "with pad of 0.4 s": 0.4}.items():
        n_samples = round((1.0 + 2 * silence) * RATE)
        shape: Any = (1, n_samples)
        for layer in preset_layers("speech_embedding"):
            shape = layer.compute_output_shape(shape)
        starts = 0.08 * np.arange(speech_embedding(shape[1:]).output_shape[1]) - silence
        ends = starts + 0.010 * n_frames
        looking = (starts[:, None] <= seconds) & (seconds < ends[:, None])
        axes.step(seconds, looking.sum(axis=0), label=name)
    axes.set_xlabel("seconds of the clip")
    axes.set_ylabel("windows that hear it")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return figure


def draw_standardize() -> "Figure":
    """Draw how often each value occurs in mel bands, before and after."""
    from sonotype.frontend.standardize import Standardize

    log_mel = bands(words())
    figure, (left, right) = panels(1, 2)
    left.hist(log_mel.ravel(), bins=60)
    left.set_title("log_mel", fontsize=10)
    left.set_ylabel("values")
    after = np.asarray(Standardize(mean=-6.0, deviation=4.0)(log_mel))
    right.hist(after.ravel(), bins=60)
    right.set_title("then standardize, mean -6, deviation 4", fontsize=10)
    return figure


def draw_to_image() -> "Figure":
    """Draw a spectrogram and the picture made of it, rows for time."""
    from sonotype.frontend.spectrogram import Spectrogram
    from sonotype.frontend.to_image import ToImage

    spectrogram = Spectrogram(frame_length=2048, hop_length=512)(words()[None])
    picture = np.asarray(ToImage()(spectrogram))[0, :, :, 0]
    figure, (left, right) = panels(1, 2)
    for axes, shown in ((left, np.asarray(spectrogram)[0]), (right, picture)):
        axes.imshow(np.log(shown + 1e-3), aspect="auto", interpolation="nearest")
        axes.set_xlabel(f"{shown.shape[1]} columns, low to high")
        axes.set_ylabel(f"{shown.shape[0]} rows of time")
    left.set_title("spectrogram 2048/512 (as logarithm)", fontsize=10)
    right.set_title("to_image, one of three channels", fontsize=10)
    return figure


def panels(n_rows: int, n_columns: int) -> tuple["Figure", list["Axes"]]:
    """Return a figure and its axes, row by row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1.2 + 1.7 * n_rows), dpi=80, layout="compressed")
    figure.get_layout_engine().set(w_pad=0.08)  # type: ignore[union-attr,call-arg]
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    return figure, list(axes.flat)


PICTURES = {
    "pcen": draw_pcen,
    "mfcc": draw_mfcc,
    "pre-emphasis": draw_pre_emphasis,
    "normalize": draw_normalize,
    "standardize": draw_standardize,
    "pad": draw_pad,
    "to-image": draw_to_image,
}


def main() -> None:
    """Draw every picture, in few colours: they are small files then."""
    from PIL import Image

    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        drawn = io.BytesIO()
        draw().savefig(drawn)
        picture = Image.open(drawn).convert("RGB").quantize(64)
        picture.save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
