"""WAV files as libsndfile reads them back."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.dataset.spoken.wav_file import write_wav
from sonotype.errors import AudioError


def test_what_is_written_is_read_to_half_a_step(
    tmp_path: Path,
) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, size=1001)
    samples[:2] = -1, 1
    write_wav(tmp_path / "a.wav", samples, 22_050)
    steps, sample_rate = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert sample_rate == 22_050
    np.testing.assert_allclose(steps, 32767 * samples, atol=0.5)
    assert soundfile.info(tmp_path / "a.wav").subtype == "PCM_16"


def test_a_sample_beyond_full_scale_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"loudest sample is 1\.50 of full scale"):
        write_wav(tmp_path / "a.wav", np.array([0.0, -1.5]), 16_000)
    assert not list(tmp_path.iterdir())
