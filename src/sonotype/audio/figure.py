"""A recording as a picture: its waveform above its spectrogram."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sonotype.audio.io import read_info, read_native
from sonotype.errors import MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

# As many columns as the picture has pixels across: more could not be seen.
N_COLUMNS = 1000
# Windows of 2048 samples at 44.1 kHz and of the same duration at lower rates, so that
# speech at 8 kHz does not blur in time; but not below 256 samples, where frequencies
# would blur, unless the clip is so short that it holds fewer than eight of them.
LONGEST_WINDOW = 2048
WINDOW_SECONDS = 0.047
SHORTEST_WINDOW = 256
WINDOWS_PER_CLIP = 8
SHORTEST_WINDOW_OF_A_SHORT_CLIP = 32
HOPS_PER_WINDOW = 4
# 80 dB is what 13 bits can span; below lies the noise of most recordings.
FLOOR_DB = -80.0
LOWEST_RATE_IN_KHZ = 4000
MOST_CHARACTERS = 80


def plot_audio(path: Path | str) -> "Figure":
    """Draw the waveform of a file and, below it on the same time axis, its spectrogram.

    Both are bounded in size, however long the file: each column of the picture shows
    the highest and lowest sample, and the strongest magnitude at each frequency, of
    its stretch of time, so that a short call stays visible in a long recording.

    The spectrogram is the magnitude of a Hann-windowed Fourier transform with 2048
    samples a window and 512 a hop, fewer for low sample rates and short files, in
    decibels relative to the loudest point of the file. Silence is drawn as the floor.

    Args:
        path: The audio file; several channels are drawn as their mean.

    Returns:
        A matplotlib figure that belongs to no window: save it with `savefig`.

    Raises:
        AudioError: If the file can't be read.
        MissingDependencyError: If matplotlib is not installed.

    Example:
        >>> import tempfile
        >>> import soundfile
        >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8_000) / 8_000)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     soundfile.write(f"{folder}/tone.wav", tone, 8_000)
        ...     figure = plot_audio(f"{folder}/tone.wav")
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['amplitude', 'frequency (kHz)', 'dB relative to the maximum']
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingDependencyError("matplotlib", "train") from None

    path = Path(path)
    samples, sample_rate = read_native(path)
    figure = Figure(figsize=(10.0, 5.5), layout="constrained")
    # The bar has a column of its own, so that the two time axes stay aligned.
    grid = figure.add_gridspec(2, 2, width_ratios=(50, 1), height_ratios=(1, 2))
    upper = figure.add_subplot(grid[0, 0])
    lower = figure.add_subplot(grid[1, 0], sharex=upper)
    _draw_waveform(upper, samples, sample_rate)
    image = _draw_spectrogram(lower, samples, sample_rate)
    bar = figure.colorbar(image, cax=figure.add_subplot(grid[1, 1]))
    bar.set_label("dB relative to the maximum")
    upper.set_xlim(0.0, samples.size / sample_rate)
    # A file name like "$5.wav" is not the start of a formula.
    title = _title(path, samples.size / sample_rate, sample_rate)
    figure.suptitle(title, fontsize="medium", parse_math=False)
    figure.align_ylabels([upper, lower])
    return figure


def _title(path: Path, duration_seconds: float, sample_rate: int) -> str:
    """Return the name of the file, and on a second line what it holds."""
    name = path.name
    if len(name) > MOST_CHARACTERS:
        half = MOST_CHARACTERS // 2
        name = f"{name[:half]}…{name[-half:]}"
    n_channels = read_info(path).n_channels
    channels = "1 channel" if n_channels == 1 else f"mean of {n_channels} channels"
    # The duration is that of the samples: the header of an MP3 only estimates it.
    return f"{name}\n{duration_seconds:,.2f} s, {sample_rate / 1000:g} kHz, {channels}"


def _draw_waveform(axes: "Axes", samples: np.ndarray, sample_rate: int) -> None:
    """Draw every sample, or each column's lowest and highest if there are many."""
    seconds, amplitudes = _envelope(samples, sample_rate)
    axes.plot(seconds, amplitudes, linewidth=0.6, color="C0")
    # Full scale, so that loud looks loud; floating-point files may go beyond.
    highest = max(1.0, float(np.abs(amplitudes).max()))
    axes.set_ylim(-highest, highest)
    axes.set_ylabel("amplitude")
    axes.tick_params(labelbottom=False)
    axes.grid(alpha=0.3)


def _envelope(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Return times in seconds and amplitudes of a line that looks like the samples."""
    if samples.size <= 4 * N_COLUMNS:
        return np.arange(samples.size) / sample_rate, samples
    starts = np.linspace(0, samples.size, N_COLUMNS, endpoint=False).astype(np.int64)
    lowest = np.minimum.reduceat(samples, starts)
    highest = np.maximum.reduceat(samples, starts)
    # (columns, 2) -> (2 * columns,): low, high, low, high, ...
    amplitudes = np.stack([lowest, highest], axis=1).ravel()
    ends = np.append(starts[1:], samples.size)
    return np.repeat((starts + ends) / (2 * sample_rate), 2), amplitudes


def _draw_spectrogram(
    axes: "Axes", samples: np.ndarray, sample_rate: int
) -> "AxesImage":
    """Draw the spectrogram with its axes, and return it for the colour bar."""
    window_samples = _window_samples(samples.size, sample_rate)
    hop_samples = window_samples // HOPS_PER_WINDOW
    magnitudes, frames_per_column = _magnitudes(samples, window_samples)
    is_khz = sample_rate >= LOWEST_RATE_IN_KHZ
    unit, hz_per_unit = ("kHz", 1000.0) if is_khz else ("Hz", 1.0)
    bin_width = sample_rate / window_samples / hz_per_unit
    hop_seconds = hop_samples / sample_rate
    n_columns, n_bins = magnitudes.shape
    image = axes.imshow(
        _decibels(magnitudes).T,  # (columns, bins) -> (bins, columns)
        # A frame and a bin are drawn around their centres.
        extent=(
            -hop_seconds / 2,
            (n_columns * frames_per_column - 0.5) * hop_seconds,
            -bin_width / 2,
            (n_bins - 0.5) * bin_width,
        ),
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=FLOOR_DB,
        vmax=0.0,
    )
    axes.set_ylim(0.0, sample_rate / 2 / hz_per_unit)
    axes.set_xlabel("time (s)")
    axes.set_ylabel(f"frequency ({unit})")
    return image


def _window_samples(n_samples: int, sample_rate: int) -> int:
    """Return the window length, a power of two."""
    wanted = max(int(WINDOW_SECONDS * sample_rate), SHORTEST_WINDOW)
    longest = min(wanted, n_samples // WINDOWS_PER_CLIP, LONGEST_WINDOW)
    n_bits = max(longest, SHORTEST_WINDOW_OF_A_SHORT_CLIP).bit_length()
    return 1 << (n_bits - 1)


def _magnitudes(samples: np.ndarray, window_samples: int) -> tuple[np.ndarray, int]:
    """Return the strongest magnitudes of each column and its number of frames.

    A frame is centred on a multiple of the hop, the first on the first sample, and
    beyond both ends lies silence. One column is transformed at a time: the padded
    recording and its frames never exist as a whole.
    """
    hop_samples = window_samples // HOPS_PER_WINDOW
    n_frames = -(-samples.size // hop_samples) + 1
    frames_per_column = -(-n_frames // N_COLUMNS)
    n_columns = -(-n_frames // frames_per_column)
    # Periodic, as for a Fourier transform: one point more than the window, less the
    # last.
    hann = np.hanning(window_samples + 1)[:-1].astype(np.float32)
    magnitudes = np.empty((n_columns, window_samples // 2 + 1), np.float32)
    stretch_samples = (frames_per_column - 1) * hop_samples + window_samples
    for column in range(n_columns):
        first = column * frames_per_column * hop_samples - window_samples // 2
        stretch = _padded_slice(samples, first, first + stretch_samples)
        every = np.lib.stride_tricks.sliding_window_view(stretch, window_samples)
        frames = every[::hop_samples] * hann  # (frames, window)
        magnitudes[column] = np.abs(np.fft.rfft(frames)).max(axis=0)
    return magnitudes, frames_per_column


def _padded_slice(samples: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Return samples `start` to `stop`, zero where there are none."""
    found = samples[max(start, 0) : max(stop, 0)]
    before = min(max(-start, 0), stop - start)
    return np.pad(found, (before, stop - start - before - found.size))


def _decibels(magnitudes: np.ndarray) -> np.ndarray:
    """Return decibels relative to the maximum, none below the floor."""
    highest = float(magnitudes.max())
    if highest == 0.0:
        return np.full(magnitudes.shape, FLOOR_DB)
    ratio = np.maximum(magnitudes / highest, 10.0 ** (FLOOR_DB / 20.0))
    decibels: np.ndarray = 20.0 * np.log10(ratio)
    return decibels
