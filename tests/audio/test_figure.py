import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from matplotlib.figure import Figure
from scipy import signal

from sonotype.audio.figure import FLOOR_DB, N_COLUMNS, plot_audio
from sonotype.errors import AudioError, MissingDependencyError

RECORDINGS = Path(__file__).parents[3] / "shared" / "data" / "screaming_piha" / "audio"


def write(path: Path, samples: np.ndarray, sample_rate: int) -> Path:
    soundfile.write(path, samples, sample_rate, subtype="FLOAT")
    return path


def tone(hz: float, seconds: float, sample_rate: int) -> np.ndarray:
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    return 0.5 * np.sin(2 * np.pi * hz * times)


def drawn(figure: Figure) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the decibels, and the heights of their rows and times of their columns."""
    image = figure.axes[1].images[0]
    decibels = np.asarray(image.get_array())
    left, right, bottom, top = image.get_extent()
    n_rows, n_columns = decibels.shape
    heights = bottom + (np.arange(n_rows) + 0.5) * (top - bottom) / n_rows
    times = left + (np.arange(n_columns) + 0.5) * (right - left) / n_columns
    return decibels, heights, times


def waveform(figure: Figure) -> tuple[np.ndarray, np.ndarray]:
    """Return the times and amplitudes of the line."""
    seconds, amplitudes = figure.axes[0].lines[0].get_data()
    return np.asarray(seconds), np.asarray(amplitudes)


def test_axes_say_what_they_show(tmp_path: Path) -> None:
    stereo = np.stack([tone(440, 2.5, 16_000), np.zeros(40_000)], axis=1)
    figure = plot_audio(write(tmp_path / "two.wav", stereo, 16_000))
    upper, lower, bar = figure.axes
    assert upper.get_ylabel() == "amplitude"
    assert upper.get_ylim() == (-1.0, 1.0)
    assert lower.get_xlabel() == "time (s)"
    assert lower.get_ylabel() == "frequency (kHz)"
    assert lower.get_ylim() == (0.0, 8.0)
    assert upper.get_xlim() == lower.get_xlim() == (0.0, 2.5)
    assert bar.get_ylabel() == "dB relative to the maximum"
    assert figure.get_suptitle() == "two.wav\n2.50 s, 16 kHz, mean of 2 channels"
    assert waveform(figure)[1].max() == pytest.approx(0.25, rel=1e-3)


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100, 192_000])
@pytest.mark.parametrize("seconds", [0.05, 1.0, 12.0])
def test_tone_of_1_khz_is_brightest_at_1_khz(
    sample_rate: int, seconds: float, tmp_path: Path
) -> None:
    path = write(tmp_path / "tone.wav", tone(1000, seconds, sample_rate), sample_rate)
    decibels, khz, _ = drawn(plot_audio(path))
    n_columns = decibels.shape[1]
    middle = decibels[:, n_columns // 4 : -n_columns // 4]
    resolution = khz[1] - khz[0]
    assert resolution < 0.26
    assert np.all(np.abs(khz[middle.argmax(axis=0)] - 1.0) <= resolution)
    assert decibels.max() == 0.0


def test_spectrogram_equals_scipy(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 44_100 * 4).astype(np.float32)
    samples[60_000:80_000] *= 0.001
    figure = plot_audio(write(tmp_path / "noise.wav", samples, 44_100))
    decibels, khz, times = drawn(figure)
    hz, seconds, complex_values = signal.stft(
        samples, 44_100, "hann", nperseg=2048, noverlap=1536, boundary="zeros"
    )
    magnitudes = np.abs(complex_values)
    wanted = 20 * np.log10(magnitudes / magnitudes.max())
    n_columns = min(decibels.shape[1], wanted.shape[1])
    assert n_columns >= 44_100 * 4 // 512
    np.testing.assert_allclose(khz * 1000, hz, atol=1e-6)
    np.testing.assert_allclose(times[:n_columns], seconds[:n_columns], atol=1e-9)
    np.testing.assert_allclose(
        decibels[:, :n_columns], wanted[:, :n_columns].clip(FLOOR_DB), atol=0.05
    )


def test_waveform_and_spectrogram_are_aligned(tmp_path: Path) -> None:
    samples = np.zeros(16_000)
    samples[11_200] = 0.9
    figure = plot_audio(write(tmp_path / "click.wav", samples, 16_000))
    decibels, _, times = drawn(figure)
    seconds, amplitudes = waveform(figure)
    assert seconds[np.argmax(amplitudes)] == pytest.approx(0.7, abs=0.001)
    assert times[decibels.max(axis=0).argmax()] == pytest.approx(0.7, abs=0.005)
    figure.draw_without_rendering()
    upper, lower = (axes.get_window_extent() for axes in figure.axes[:2])
    assert (upper.x0, upper.x1) == pytest.approx((lower.x0, lower.x1))


def test_spectrogram_covers_all_of_the_time(tmp_path: Path) -> None:
    for n_samples in (1, 100, 8_000, 8_063, 100_001):
        path = write(tmp_path / f"{n_samples}.wav", np.ones(n_samples) / 2, 8_000)
        left, right, *_ = plot_audio(path).axes[1].images[0].get_extent()
        assert left <= 0.0
        assert right >= n_samples / 8_000


def test_short_call_stays_visible_in_a_long_recording(tmp_path: Path) -> None:
    sample_rate = 8_000
    samples = np.random.default_rng(0).normal(0, 1e-4, 300 * sample_rate)
    start = round(123.4 * sample_rate)
    call = tone(3000, 0.02, sample_rate)
    samples[start : start + call.size] += call
    figure = plot_audio(write(tmp_path / "night.wav", samples, sample_rate))
    decibels, khz, times = drawn(figure)
    assert decibels.shape[1] <= N_COLUMNS
    row, column = np.unravel_index(decibels.argmax(), decibels.shape)
    assert khz[row] == pytest.approx(3.0, abs=0.05)
    assert times[column] == pytest.approx(123.41, abs=0.35)
    seconds, amplitudes = waveform(figure)
    assert len(seconds) == 2 * N_COLUMNS
    stored = samples.astype(np.float32)
    assert (amplitudes.min(), amplitudes.max()) == (stored.min(), stored.max())
    assert seconds[np.argmax(amplitudes)] == pytest.approx(123.41, abs=0.35)


def test_short_waveform_is_drawn_sample_by_sample(tmp_path: Path) -> None:
    samples = tone(50, 0.25, 8_000).astype(np.float32)
    figure = plot_audio(write(tmp_path / "short.wav", samples, 8_000))
    seconds, amplitudes = waveform(figure)
    np.testing.assert_array_equal(amplitudes, samples)
    np.testing.assert_allclose(seconds, np.arange(2_000) / 8_000)


@pytest.mark.parametrize("n_samples", [1, 50, 16_000])
def test_silence_is_the_floor(n_samples: int, tmp_path: Path) -> None:
    path = write(tmp_path / "silence.wav", np.zeros(n_samples), 16_000)
    figure = plot_audio(path)
    decibels, _, _ = drawn(figure)
    assert (decibels == FLOOR_DB).all()
    figure.savefig(tmp_path / "silence.png")


def test_the_quietest_sound_is_not_silence(tmp_path: Path) -> None:
    samples = tone(1000, 1, 16_000) * 1e-38
    decibels, khz, _ = drawn(plot_audio(write(tmp_path / "a.wav", samples, 16_000)))
    assert np.isfinite(decibels).all()
    assert khz[decibels[:, 40].argmax()] == pytest.approx(1.0, abs=0.02)


def test_low_rates_are_drawn_in_hz(tmp_path: Path) -> None:
    path = write(tmp_path / "whale.wav", tone(30, 60, 200), 200)
    figure = plot_audio(path)
    decibels, hz, _ = drawn(figure)
    assert figure.axes[1].get_ylabel() == "frequency (Hz)"
    assert figure.axes[1].get_ylim() == (0.0, 100.0)
    assert hz[decibels.mean(axis=1).argmax()] == pytest.approx(30, abs=1)


def test_samples_beyond_full_scale_are_not_cut_off(tmp_path: Path) -> None:
    path = write(tmp_path / "loud.wav", 5 * tone(100, 1, 8_000), 8_000)
    assert plot_audio(path).axes[0].get_ylim() == pytest.approx((-2.5, 2.5))


@pytest.mark.parametrize("name", ["$^{$_5.wav", "x" * 150 + ".wav"])
def test_any_file_name_can_be_drawn(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, tone(440, 0.5, 8_000), 8_000)
    figure = plot_audio(path)
    figure.savefig(tmp_path / "picture.png")
    picture = (tmp_path / "picture.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    shown = figure.get_suptitle().splitlines()[0]
    assert len(shown) < 90
    assert shown.startswith(name[:8])
    assert shown.endswith(".wav")


def test_what_is_not_audio_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.wav"
    path.write_text("nothing to hear")
    with pytest.raises(AudioError, match=r"notes\.wav"):
        plot_audio(path)


def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match=r"sonotype\[train\]"):
        plot_audio(tmp_path / "any.wav")


def test_leaves_no_state_behind(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(440, 0.5, 8_000), 8_000)
    code = (
        "import sys\n"
        "from sonotype.audio.figure import plot_audio\n"
        "assert 'matplotlib' not in sys.modules, 'imported too early'\n"
        "plot_audio(sys.argv[1])\n"
        "assert 'matplotlib.pyplot' not in sys.modules, 'pyplot keeps figures'\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code, path], check=True)


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not here")
def test_stereo_mp3_from_the_field(tmp_path: Path) -> None:
    figure = plot_audio(RECORDINGS / "ScreamingPiha2.mp3")
    assert "44.1 kHz, mean of 2 channels" in figure.get_suptitle()
    decibels, khz, _ = drawn(figure)
    # The call of the screaming piha sweeps between 1 and 6 kHz.
    row, _ = np.unravel_index(decibels.argmax(), decibels.shape)
    assert 1.0 < khz[row] < 6.0
    start, end = figure.axes[1].get_xlim()
    assert start == 0.0
    assert math.isclose(end, 34.0, abs_tol=0.2)
    figure.savefig(tmp_path / "piha.png")
