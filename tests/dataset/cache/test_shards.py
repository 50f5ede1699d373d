from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sonotype.dataset.cache import shards
from sonotype.dataset.cache.int16 import to_int16
from sonotype.dataset.cache.shards import ShardFolder
from sonotype.errors import DataError


def noise(seed: int, n_samples: int = 100) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.integers(-32_768, 32_768, n_samples).astype(np.int16)


def fill(folder: Path, keys: str) -> None:
    with ShardFolder(folder) as store:
        for key in keys:
            store.add(key, noise(ord(key)), 0.5)


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_BYTES", 400)


def test_what_is_added_is_found_again(tmp_path: Path) -> None:
    fill(tmp_path / "new" / "folder", "abc")
    store = ShardFolder(tmp_path / "new" / "folder")
    assert "a" in store
    assert "z" not in store
    stored = store.locate(["c", "a", "c"])
    for position, key in enumerate("cac"):
        np.testing.assert_array_equal(stored[position], noise(ord(key)))
    assert stored.lengths.tolist() == [100, 100, 100]
    assert stored.scales.tolist() == [0.5, 0.5, 0.5]
    np.testing.assert_array_equal(stored.select(np.array([1]))[0], noise(ord("a")))


def test_samples_are_little_endian_int16_and_not_copied(tmp_path: Path) -> None:
    fill(tmp_path, "ab")
    (samples,) = tmp_path.glob("*.i16")
    expected = np.concatenate([noise(ord("a")), noise(ord("b"))])
    np.testing.assert_array_equal(np.frombuffer(samples.read_bytes(), "<i2"), expected)
    clip = ShardFolder(tmp_path).locate(["b"])[0]
    assert clip.base is not None
    assert isinstance(clip.base.base, np.memmap)
    assert not clip.flags.writeable


def test_a_key_is_stored_once(tmp_path: Path) -> None:
    fill(tmp_path, "aab")
    fill(tmp_path, "ba")
    assert [path.stat().st_size for path in tmp_path.glob("*.i16")] == [400]


@pytest.mark.usefixtures("small_shards")
def test_a_shard_is_finished_when_it_is_full(tmp_path: Path) -> None:
    store = ShardFolder(tmp_path)
    for n_added, key in enumerate("abcde", start=1):
        store.add(key, noise(ord(key)), 1.0)
        store._wait()
        # Two clips of 200 bytes fill one.
        assert len(list(tmp_path.glob("*.parquet"))) == n_added // 2
    assert "e" not in ShardFolder(tmp_path)
    store.commit()
    store.commit()
    stored = store.locate(list("edcba"))
    for position, key in enumerate("edcba"):
        np.testing.assert_array_equal(stored[position], noise(ord(key)))
    assert len(stored.shards) == 3


def test_nothing_added_writes_nothing(tmp_path: Path) -> None:
    with ShardFolder(tmp_path) as store:
        pass
    assert list(tmp_path.iterdir()) == []
    assert store.locate([]).lengths.shape == (0,)


def test_what_was_added_before_an_interrupt_is_kept(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), ShardFolder(tmp_path) as store:
        store.add("a", noise(0), 1.0)
        raise KeyboardInterrupt
    assert "a" in ShardFolder(tmp_path)


def test_samples_without_an_index_are_no_shard(tmp_path: Path) -> None:
    fill(tmp_path, "a")
    (tmp_path / "0123.i16").write_bytes(bytes(200))
    (index,) = tmp_path.glob("*.parquet")
    index.unlink()
    assert "a" not in ShardFolder(tmp_path)
    fill(tmp_path, "a")
    np.testing.assert_array_equal(
        ShardFolder(tmp_path).locate(["a"])[0], noise(ord("a"))
    )


@pytest.mark.parametrize("n_bytes", [0, 1, 100, -1])
def test_a_half_written_index_is_no_index(tmp_path: Path, n_bytes: int) -> None:
    fill(tmp_path, "a")
    (index,) = tmp_path.glob("*.parquet")
    index.write_bytes(index.read_bytes()[:n_bytes])
    assert "a" not in ShardFolder(tmp_path)


def test_one_changed_bit_makes_an_index_invalid(tmp_path: Path) -> None:
    fill(tmp_path, "a")
    (index,) = tmp_path.glob("*.parquet")
    content = bytearray(index.read_bytes())
    for at in range(0, len(content), 97):
        content[at] ^= 1
        index.write_bytes(content)
        assert "a" not in ShardFolder(tmp_path)
        content[at] ^= 1
    index.write_bytes(content)
    assert "a" in ShardFolder(tmp_path)


@pytest.mark.parametrize("name", ["x.parquet", "x-1234.parquet", ".x-1.parquet.y"])
def test_a_stranger_s_file_is_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PAR1 and so on")
    fill(tmp_path, "a")
    assert "a" in ShardFolder(tmp_path)


@pytest.mark.parametrize("n_bytes", [0, 100, 199])
def test_a_shortened_shard_counts_as_missing(tmp_path: Path, n_bytes: int) -> None:
    fill(tmp_path, "a")
    fill(tmp_path, "b")
    for samples in tmp_path.glob("*.i16"):
        if samples.read_bytes() == noise(ord("a")).tobytes():
            samples.write_bytes(samples.read_bytes()[:n_bytes])
    store = ShardFolder(tmp_path)
    assert "a" not in store
    assert "b" in store


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        DataError,
        match=r"file.x: the cache .* cannot be written .* \(Not a directory\); make "
        "room there, or choose another folder with --cache or .* SONOTYPE_CACHE",
    ):
        ShardFolder(tmp_path / "file" / "x")


def test_a_full_disk_leaves_no_samples_behind(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with (
            pytest.raises(DataError, match="File too large"),
            ShardFolder(tmp_path) as store,
        ):
            store.add("a", noise(0, 10_000), 1.0)
            store.add("b", noise(1, 100_000), 1.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_another_error_of_the_data_gives_the_shard_up(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="other"), ShardFolder(tmp_path) as store:
        store.add("a", noise(0), 1.0)
        raise DataError("other")
    assert list(tmp_path.iterdir()) == []


def test_a_shard_that_has_gone_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, "a")
    store = ShardFolder(tmp_path)
    (samples,) = tmp_path.glob("*.i16")
    samples.unlink()
    with pytest.raises(DataError, match="No such file or directory"):
        store.locate(["a"])


@given(arrays(np.int16, st.integers(1, 50)))
def test_16_bit_sound_comes_back_exactly(whole: np.ndarray) -> None:
    samples = (whole / 32_768).astype(np.float32)
    stored, scale = to_int16(samples)
    assert scale == 1 / 32_768
    np.testing.assert_array_equal(stored, whole)
    np.testing.assert_array_equal(stored * np.float32(scale), samples)


@given(
    arrays(
        np.float32,
        st.integers(1, 50),
        elements=st.floats(-4, 4, width=32, allow_subnormal=False),
    ),
    st.sampled_from([1e-6, 1e-2, 1.0, 1e6]),
)
def test_other_sound_is_off_by_half_a_step_of_its_peak(
    samples: np.ndarray, factor: float
) -> None:
    samples = samples * np.float32(factor)
    stored, scale = to_int16(samples)
    assert stored.dtype == np.int16
    step = max(np.abs(samples).max() / 32_767, 1e-34)
    error = np.abs(stored.astype(np.float64) * scale - samples).max()
    # A float32 near 32,767 and the factor are off by up to 0.003 steps themselves.
    assert error <= 0.504 * step


@pytest.mark.parametrize("level", [0.0, 1e-45, 1e-38, 3e38])
def test_extreme_levels_stay_finite(level: float) -> None:
    stored, scale = to_int16(np.array([level, -level], np.float32))
    found = stored * np.float32(scale)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, [level, -level], rtol=1e-4, atol=1e-30)
