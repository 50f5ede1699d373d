"""Dense scanning: the windows of a scan, whatever the blocks, in fewer passes."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from sonotype.audio.stream import AudioStream
from sonotype.audio.stretches import Stretch
from sonotype.audio.windows import cut_windows
from sonotype.bundle import DENSE_GRAPH, read_bundle
from sonotype.errors import BundleError, SettingError
from sonotype.inference.classifier import load
from sonotype.inference.dense import (
    DenseLayout,
    DensePool,
    DenseStretch,
    cut_dense,
)
from sonotype.inference.scan import RuntimePool, WindowScores, scan_stream

BUNDLE = Path(__file__).parents[1] / "data" / "tones_v1.sonotype"


def layout(**changes: Any) -> DenseLayout:
    values = {
        "window_samples": 40,
        "stretch_samples": 8 + 4 * 12 + 40 + 5,
        "stride_samples": 12,
        "first_sample": 8,
        "n_windows": 5,
        "golden_scores": (0.0, 0.0),
        "window_difference": 0.0,
        "same_label": 1.0,
    }
    return DenseLayout.model_validate(values | changes)


class Loudness:
    """Scores a window by its mean and its highest sample, alone."""

    n_labels = 2

    def __init__(self, n_samples: int) -> None:
        self.n_samples = n_samples

    def scores(self, samples: np.ndarray) -> np.ndarray:
        return np.stack([samples.mean(axis=1), samples.max(axis=1)], axis=1)


class DenseLoudness:
    """The same of all windows of a stretch."""

    def __init__(self, where: DenseLayout) -> None:
        self.where = where
        self.n_samples = where.stretch_samples
        self.n_labels = 2 * where.n_windows
        self.n_passes = 0

    def scores(self, samples: np.ndarray) -> np.ndarray:
        self.n_passes += len(samples)
        rows = []
        for stretch in samples:
            starts = self.where.first_sample + self.where.stride_samples * np.arange(
                self.where.n_windows
            )
            windows = np.stack([stretch[start : start + 40] for start in starts])
            rows.append(Loudness(40).scores(windows).ravel())
        return np.stack(rows).astype(np.float32)


def pool(where: DenseLayout, n: int = 1) -> tuple[DensePool, list[DenseLoudness]]:
    graphs = [DenseLoudness(where) for _ in range(n)]
    return DensePool(graphs, where, RuntimePool([Loudness(40)])), graphs


def blocks_of(samples: np.ndarray, sizes: list[int]) -> Iterator[np.ndarray]:
    begin = 0
    for size in sizes:
        yield samples[begin : begin + size]
        begin += size
    yield samples[begin:]


LENGTHS = st.integers(1, 600)
HOPS = st.sampled_from(layout().hops())
SIZES = st.lists(st.integers(0, 200), max_size=8)


@given(n_samples=LENGTHS, hop=HOPS, sizes=SIZES, first=st.integers(0, 20))
def test_windows_are_those_of_a_scan_whatever_the_blocks(
    n_samples: int, hop: int, sizes: list[int], first: int
) -> None:
    where = layout(first_sample=first, stretch_samples=first + 4 * 12 + 40 + 5)
    samples = np.random.default_rng(n_samples).standard_normal(n_samples)
    samples = samples.astype(np.float32)
    found = list(cut_dense(blocks_of(samples, sizes), where, hop=hop))
    expected = cut_windows(samples, 40, hop=hop)
    windows = np.concatenate([stretch.windows() for stretch in found])
    np.testing.assert_array_equal(windows, expected)
    last = max(0, n_samples - 40)
    starts = np.concatenate([stretch.starts() for stretch in found])
    np.testing.assert_array_equal(starts, [*range(0, last, hop), last])
    whole = list(cut_dense([samples], where, hop=hop))
    for one, other in zip(found, whole, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)


@given(n_samples=LENGTHS, hop=HOPS)
def test_around_its_windows_a_stretch_holds_the_recording_and_then_silence(
    n_samples: int, hop: int
) -> None:
    where = layout()
    samples = np.arange(1, n_samples + 1, dtype=np.float32)
    padded = np.pad(samples, (where.first_sample, 2_000))
    for stretch in cut_dense([samples], where, hop=hop):
        if isinstance(stretch, DenseStretch):
            here = padded[stretch.start :][: len(stretch.samples)]
            np.testing.assert_array_equal(stretch.samples, here)


@given(n_samples=LENGTHS, hop=HOPS)
def test_every_window_gets_its_own_scores(n_samples: int, hop: int) -> None:
    samples = np.random.default_rng(hop).standard_normal(n_samples)
    samples = samples.astype(np.float32)
    dense, _ = pool(layout())
    found = [dense.score(one) for one in dense.stretches([samples], hop=hop)]
    expected = Loudness(40).scores(cut_windows(samples, 40, hop=hop))
    np.testing.assert_allclose(np.concatenate(found), expected, atol=1e-6)


@pytest.mark.parametrize(("hop", "n_passes"), [(36, 1), (12, 1), (6, 2), (4, 3)])
def test_the_cost_does_not_grow_with_overlap_down_to_the_stride(
    hop: int, n_passes: int
) -> None:
    dense, graphs = pool(layout())
    samples = np.zeros(60 * 100 + 40 - 12, np.float32)
    for stretch in dense.stretches([samples], hop=hop):
        dense.score(stretch)
    # 60 samples of the recording, five strides, a pass.
    assert graphs[0].n_passes == pytest.approx(n_passes * 100, rel=0.21)


@pytest.mark.parametrize("n_graphs", [1, 3])
def test_a_scan_has_the_times_of_an_ordinary_one(
    n_graphs: int, rng: np.random.Generator, tmp_path: Path
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, 0.1 * rng.standard_normal(90_007), 11_025)
    dense, _ = pool(layout(), n_graphs)
    stream = AudioStream(path, 8_000)
    found = WindowScores.join(scan_stream(stream, dense, hop=24))
    plain = RuntimePool([Loudness(40)])
    expected = WindowScores.join(scan_stream(AudioStream(path, 8_000), plain, hop=24))
    for name in ("start_seconds", "end_seconds"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)
    assert found.end_seconds[-1] == 90_007 / 11_025


def test_a_hop_is_a_multiple_or_a_whole_part_of_the_stride() -> None:
    assert layout().hops() == [1, 2, 3, 4, 6, 12, 24, 36]
    with pytest.raises(SettingError, match=r"every 0\.012 s, .* is 0\.012 s$"):
        layout().hop(11, sample_rate=1_000)
    assert layout().hop(24, sample_rate=1_000) == 24
    assert layout().hop(11, sample_rate=1_000, exactly=False) == 12
    # The longer one of two that are as near: it costs less.
    assert layout().hop(18, sample_rate=1_000, exactly=False) == 24


def test_a_stretch_shows_its_windows_alone() -> None:
    plain = Stretch(5, np.arange(9), 4, 2)
    dense = DenseStretch(5, np.arange(-3, 20), 4, 2, before=3, n_windows=len(plain))
    np.testing.assert_array_equal(dense.windows(), plain.windows())
    np.testing.assert_array_equal(dense.starts(), plain.starts())


def test_a_bundle_without_such_a_graph_says_how_to_get_one(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(100), 8_000)
    classifier = load(BUNDLE)
    with pytest.raises(BundleError, match=r"sonotype export .* --to litert-dense"):
        classifier.scan(path, dense=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_windows": 0}, "n_windows: Input should be greater than 0"),
        ({"first_sample": 14}, "do not fit into a stretch"),
        ({}, "are not those of the model"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    folder = shutil.copytree(BUNDLE, tmp_path / "b.sonotype")
    content = json.loads((folder / "model.json").read_text())
    content["files"][DENSE_GRAPH] = content["files"]["model.tflite"]
    content["exports"] = {DENSE_GRAPH: {**layout().model_dump(), **changes}}
    (folder / "model.json").write_text(json.dumps(content))
    with pytest.raises(BundleError, match=message):
        DenseLayout.of(read_bundle(folder))
