"""Folders of rooms, read at the rate asked for."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.augment.reverb import Reverb
from sonotype.errors import AudioError, DataError
from sonotype.training.impulse_responses import read_responses


def test_files_are_rows_in_the_order_of_their_paths(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    (tmp_path / "halls").mkdir()
    short, long = 0.1 * rng.standard_normal(300), 0.1 * rng.standard_normal(500)
    soundfile.write(tmp_path / "halls" / "a.wav", short, 8_000, subtype="FLOAT")
    soundfile.write(tmp_path / "room.WAV", long, 8_000, subtype="FLOAT")
    (tmp_path / "notes.txt").write_text("not a room")
    rows = read_responses(tmp_path, 8_000)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows[0], np.pad(short, (0, 200)), atol=1e-7)
    np.testing.assert_allclose(rows[1], long, atol=1e-7)
    assert read_responses(tmp_path, 16_000).shape == (2, 1_000)
    Reverb(8_000, responses=rows)


def test_a_folder_without_rooms_or_with_a_broken_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no audio file"):
        read_responses(tmp_path, 8_000)
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioError, match=r"a\.wav"):
        read_responses(tmp_path, 8_000)
