"""The listing is what the code makes, and says where weights are."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from sonotype.models import listing
from sonotype.models.listing import ListedBackbone, read_listing
from sonotype.models.measure import measure, write_listing
from sonotype.models.table import BACKBONES
from sonotype.models.weights import PublishedWeights, keras_folder, weights_folder

LISTED = {backbone.name: backbone for backbone in read_listing()}
STALE = "run: python -m sonotype.models.measure"
DIGEST = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
WEIGHTS = PublishedWeights("test.h5", address="https://x.org/test.h5", digest=DIGEST)


@pytest.fixture(autouse=True)
def _an_empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SONOTYPE_WEIGHTS", raising=False)
    monkeypatch.setenv("SONOTYPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def listed(weights: PublishedWeights | None = WEIGHTS) -> ListedBackbone:
    return ListedBackbone("net", "a net", 3, 4, 16_000, weights)


def test_it_lists_every_backbone_in_order() -> None:
    assert list(LISTED) == list(BACKBONES), STALE


@pytest.mark.parametrize("name", BACKBONES)
def test_no_number_is_stale(name: str) -> None:
    assert measure(name) == LISTED[name], STALE


def test_parameters_are_those_of_the_network_without_its_top() -> None:
    # keras.applications gives these for `include_top=False`.
    assert LISTED["efficientnet_b0"].n_parameters == 4_049_571
    assert LISTED["mobilenet_v3_large"].n_parameters == 2_996_352
    assert LISTED["efficientnet_b0"].sample_rate == 16_000
    assert LISTED["residual"].sample_rate is None


def test_rows_survive_writing_and_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = {name: BACKBONES[name] for name in ("residual", "ds_cnn")}
    monkeypatch.setattr("sonotype.models.measure.BACKBONES", some)
    write_listing(tmp_path / "some.csv")
    monkeypatch.setattr(listing, "FILE_NAME", str(tmp_path / "some.csv"))
    assert read_listing() == [LISTED[name] for name in some]
    weights = replace(WEIGHTS, copies=("a.npz", "b.npz"), n_bytes=5)
    assert ListedBackbone.of_row(listed(weights).to_row()) == listed(weights)


def test_it_says_where_weights_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert listed(None).place == "none, from scratch"
    places = {"cache of Keras": keras_folder(), "cache": weights_folder()}
    for place, folder in places.items():
        folder.mkdir(parents=True)
        (folder / "test.h5").write_bytes(b"test")
        assert listed().place == place
        assert listed().path == folder / "test.h5"
    monkeypatch.setenv("SONOTYPE_WEIGHTS", str(tmp_path / "mine"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "test.h5").write_bytes(b"test")
    assert listed().place == "folder"


def test_a_file_in_a_package_is_found() -> None:
    # Any distribution will do: this one is always there.
    inside = PublishedWeights("core.py", package="typer", resource="typer/core.py")
    assert listed(inside).place == "package"


@pytest.mark.parametrize(
    ("weights", "way"),
    [
        (WEIGHTS, "downloaded when first used"),
        (PublishedWeights("a.h5", package="no-such-one"), "pip install no-such-one"),
        (PublishedWeights("a.h5"), r"put a\.h5 into .*weights"),
    ],
)
def test_it_says_how_to_have_what_is_not_here(
    weights: PublishedWeights, way: str
) -> None:
    assert listed(weights).path is None
    assert re.fullmatch(f"not here: {way}", listed(weights).place)
