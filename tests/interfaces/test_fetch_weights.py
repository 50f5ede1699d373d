"""Weights that are not on this machine: the licence first, then the download."""

import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import keras
import pytest
import typer
from keras import layers
from typer.testing import CliRunner, Result

from sonotype.errors import SonotypeError, WeightsError
from sonotype.interfaces.cli.compare import compare
from sonotype.interfaces.cli.console import download_line, restriction_line
from sonotype.interfaces.cli.train import train
from sonotype.interfaces.workflow import Silent, fetch_weights
from sonotype.models import listing, table, weights
from sonotype.models.listing import ListedBackbone
from sonotype.models.table import Backbone
from sonotype.models.weights import PublishedWeights, find_weights, load_weights
from sonotype.training.transfer import auto
from sonotype.training.transfer import compare as trials

NAME = "tiny.weights.h5"


class QuietHandler(SimpleHTTPRequestHandler):
    """Serve files without writing a log."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def tiny(input_shape: Sequence[int]) -> keras.Model:
    """Return a network that any machine has time for."""
    features = keras.Input((*input_shape,))
    flow = layers.Reshape((*input_shape, 1))(features)
    return keras.Model(features, layers.Conv2D(8, 3, strides=2)(flow), name="tiny")


@pytest.fixture
def published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PublishedWeights]:
    """Publish weights of a backbone `tiny` on a server of this machine."""
    folder = tmp_path / "served"
    folder.mkdir()
    tiny((51, 128)).save_weights(folder / NAME)
    content = (folder / NAME).read_bytes()
    monkeypatch.setenv("SONOTYPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SONOTYPE_WEIGHTS", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(weights, "PAUSE_SECONDS", 0.0)
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        made = PublishedWeights(
            NAME,
            f"http://127.0.0.1:{server.server_port}/{NAME}",
            n_bytes=len(content),
            digest=f"sha256:{hashlib.sha256(content).hexdigest()}",
            trained_on="nothing",
            licence="CC0",
        )
        list_backbone(monkeypatch, made)
        yield made
        server.shutdown()


def list_backbone(monkeypatch: pytest.MonkeyPatch, made: PublishedWeights) -> None:
    def build(input_shape: Sequence[int], *, weights: str | None = None) -> keras.Model:
        model = tiny(input_shape)
        if weights is not None:
            load_weights(model, find_weights(weights, made))
        return model

    known = {
        "residual": table.BACKBONES["residual"],
        "tiny": Backbone(build, "tiny", made, "efficientat"),
    }
    monkeypatch.setattr(table, "BACKBONES", known)
    monkeypatch.setattr(trials, "BACKBONES", known)
    monkeypatch.setattr(auto, "BACKBONES", known)
    listed = ListedBackbone("tiny", "tiny", 80, 1_000, 32_000, made)
    monkeypatch.setattr(listing, "read_listing", lambda: [listed])


class StoppedError(SonotypeError):
    """Raised where training begins, which takes long."""


def stop(*_: Any, **__: Any) -> None:
    raise StoppedError


def run(verb: Any, *arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(verb)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, WeightsError):
        raise result.exception
    assert isinstance(result.exception, StoppedError | None), result.output
    return result


class Listener(Silent):
    """Remembers what was told, in order."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def download(self, published: PublishedWeights) -> None:
        self.heard.append(published)

    def progress(self, done: int, total: int, detail: str = "") -> None:
        self.heard.append((done, total))


def test_the_licence_is_told_before_a_download_and_then_its_progress(
    published: PublishedWeights,
) -> None:
    listener = Listener()
    fetch_weights("tiny", "pretrained", listener)
    assert listener.heard[0] == published
    assert listener.heard[-1] == (published.n_bytes, published.n_bytes)
    found = find_weights("pretrained", published)
    assert found.parent == weights.weights_folder()
    again = Listener()
    fetch_weights("tiny", "nothing", again)
    fetch_weights("tiny", str(found), again)
    assert again.heard == []


@pytest.mark.usefixtures("published")
def test_random_weights_are_not_fetched() -> None:
    listener = Listener()
    fetch_weights("tiny", "none", listener)
    assert listener.heard == []
    assert not weights.weights_folder().exists()


def test_the_line_says_file_size_licence_and_address() -> None:
    known = PublishedWeights("a.pt", "https://b/a.pt", n_bytes=4_066_513, licence="MIT")
    assert download_line(known) == (
        "downloading a.pt (4.1 MB; licence MIT) from https://b/a.pt"
    )
    unknown = PublishedWeights("a.pt", "https://b/a.pt")
    assert "(size unknown; licence not stated)" in download_line(unknown)


def test_a_backbone_that_is_named_is_fetched_and_compared(
    published: PublishedWeights, tone_folder: Path
) -> None:
    options = ("--backbones", "tiny", "--format", "json")
    first = run(compare, tone_folder, *options)
    assert download_line(published) in first.stderr
    assert f"Fetching {NAME}" in first.stderr
    assert json.loads(first.stdout)[0]["backbone"] == "tiny"
    assert "downloading" not in run(compare, tone_folder, *options).stderr


@pytest.mark.usefixtures("published")
def test_unless_it_is_named_nothing_is_fetched(tone_folder: Path) -> None:
    with pytest.raises(WeightsError, match="no pre-trained backbone is at hand"):
        run(compare, tone_folder)
    assert not weights.weights_folder().exists()


def test_training_fetches_what_its_recipe_names(
    published: PublishedWeights,
    tone_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sonotype.training.train.train", stop)
    config = tmp_path / "mine.toml"
    config.write_text('recipe = "efficientat"\nmodel.backbone = "tiny"\n')
    out = tmp_path / "b.sonotype"
    done = run(train, tone_folder, "--out", out, "--config", config)
    assert isinstance(done.exception, StoppedError)
    assert download_line(published) in done.stderr
    assert weights.at_hand(published)
    assert not out.exists()


@pytest.mark.usefixtures("published")
def test_auto_fetches_nothing_and_says_what_it_would_try(
    tone_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sonotype.training.train.train", stop)
    done = run(train, tone_folder, "--out", tmp_path / "b.sonotype")
    told = " ".join(done.stderr.split())
    assert "so default is trained from scratch. With their weights at hand it " in told
    assert "it would also try tiny; `sonotype models` says where they come from" in told
    assert "downloading" not in told
    assert not weights.weights_folder().exists()


def restricted(monkeypatch: pytest.MonkeyPatch, path: Path) -> PublishedWeights:
    """List weights of a backbone `tiny` that are here, but not for commerce."""
    content = path.read_bytes()
    made = PublishedWeights(
        path.name,
        digest=f"sha256:{hashlib.sha256(content).hexdigest()}",
        trained_on="nothing",
        licence="CC-BY-NC-SA-4.0",
    )
    monkeypatch.setenv("SONOTYPE_WEIGHTS", str(path.parent))
    list_backbone(monkeypatch, made)
    return made


def test_weights_that_forbid_commerce_are_used_only_where_they_are_named(
    tone_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny((51, 128)).save_weights(tmp_path / NAME)
    known = restricted(monkeypatch, tmp_path / NAME)
    assert weights.at_hand(known) == tmp_path / NAME
    assert trials.backbones_at_hand() == ([], [])
    with pytest.raises(WeightsError, match="no pre-trained backbone is at hand"):
        run(compare, tone_folder)
    done = run(compare, tone_folder, "--backbones", "tiny", "--format", "json")
    assert restriction_line(known) in done.stderr
    assert json.loads(done.stdout)[0]["backbone"] == "tiny"
    assert trials.only_if_named().endswith(": tiny (CC-BY-NC-SA-4.0).")


def test_their_licence_is_said_before_training_and_stays_with_the_bundle(
    tone_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny((51, 128)).save_weights(tmp_path / NAME)
    known = restricted(monkeypatch, tmp_path / NAME)
    config = tmp_path / "mine.toml"
    config.write_text('recipe = "efficientat"\nmodel.backbone = "tiny"\n')
    out = tmp_path / "b.sonotype"
    done = run(train, tone_folder, "--out", out, "--config", config)
    assert done.exit_code == 0, done.output
    assert restriction_line(known) in done.stderr
    stated = json.loads((out / "model.json").read_text())["weights"]
    assert stated[0]["licence"] == "CC-BY-NC-SA-4.0"
    card = (out / "README.md").read_text()
    assert "CC-BY-NC-SA-4.0: neither they nor this model are for commercial use" in card
