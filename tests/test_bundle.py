import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonotype.bundle import (
    MANIFEST,
    Golden,
    Manifest,
    describe_file,
    read_bundle,
    write_manifest,
)
from sonotype.errors import BundleError

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"  # "test"


def make_bundle(folder: Path, **changes: Any) -> Path:
    """Write the smallest bundle there can be, with some keys changed."""
    folder.mkdir(exist_ok=True)
    (folder / "model.tflite").write_bytes(b"test")
    manifest = Manifest(
        format_version=1,
        sonotype_version="0.1.0",
        created=datetime(2026, 1, 1, tzinfo=UTC),
        task="single-label",
        labels=("no", "yes"),
        sample_rate=16_000,
        clip_seconds=1.0,
        hop_seconds=0.5,
        files={"model.tflite": describe_file(folder / "model.tflite")},
        golden=(Golden(file="golden/chirp.wav", scores=(0.25, 0.75)),),
    )
    write_manifest(folder, manifest)
    content = json.loads((folder / MANIFEST).read_text()) | changes
    (folder / MANIFEST).write_text(json.dumps(content))
    return folder


def test_a_manifest_survives_writing_and_reading(tmp_path: Path) -> None:
    bundle = read_bundle(make_bundle(tmp_path))
    assert bundle.manifest.labels == ("no", "yes")
    assert bundle.manifest.n_samples == 16_000
    assert bundle.manifest.files["model.tflite"].sha256 == HASH
    assert bundle.file("model.tflite").read_bytes() == b"test"
    write_manifest(tmp_path, bundle.manifest)
    assert read_bundle(tmp_path) == bundle


@pytest.mark.parametrize("content", [b"tess", b"testt", b""])
def test_a_swapped_file_is_refused(tmp_path: Path, content: bytes) -> None:
    bundle = read_bundle(make_bundle(tmp_path))
    (tmp_path / "model.tflite").write_bytes(content)
    with pytest.raises(BundleError, match="not the file this bundle was written with"):
        bundle.file("model.tflite")


def test_a_missing_or_unlisted_file_is_named(tmp_path: Path) -> None:
    bundle = read_bundle(make_bundle(tmp_path))
    (tmp_path / "model.tflite").unlink()
    with pytest.raises(BundleError, match=r"model\.tflite is missing"):
        bundle.file("model.tflite")
    with pytest.raises(BundleError, match=r"holds no model\.onnx"):
        bundle.file("model.onnx")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format_version": 2}, "format version 2, but this sonotype reads up to 1"),
        ({"labels": ["no", "no"]}, r"labels: .*repeated: \['no'\]"),
        ({"sample_rate": -1}, "sample_rate: .*greater than 0"),
        ({"clip_seconds": None}, "clip_seconds: .*valid number"),
        ({"files": {"../x": {"n_bytes": 1, "sha256": HASH}}}, "outside the bundle"),
        ({"files": {"/etc/x": {"n_bytes": 1, "sha256": HASH}}}, "outside the bundle"),
        ({"files": {"a\\b": {"n_bytes": 1, "sha256": HASH}}}, "not portable"),
        ({"files": {"x": {"n_bytes": 1, "sha256": "no"}}}, "sha256: .*pattern"),
        ({"golden": [{"file": "../../x", "scores": []}]}, "outside the bundle"),
    ],
)
def test_a_wrong_manifest_is_one_sentence(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(BundleError, match=reason):
        read_bundle(make_bundle(tmp_path, **changes))


def test_keys_of_a_later_sonotype_are_ignored(tmp_path: Path) -> None:
    assert read_bundle(make_bundle(tmp_path, later="key")).manifest.labels[0] == "no"


def test_a_folder_without_a_manifest_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"not a bundle: .*sonotype train"):
        read_bundle(tmp_path)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["labels", "files", "golden"]), inner)
            ),
            max_leaves=8,
        ).map(lambda value: json.dumps(value).encode()),
    )
)
def test_any_bytes_are_one_sentence_or_a_bundle(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(BundleError):
        read_bundle(tmp_path)
