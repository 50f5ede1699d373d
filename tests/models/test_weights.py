"""Finding weights: files, the cache and a server on this machine; never the network."""

import hashlib
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sonotype.errors import WeightsError
from sonotype.models import weights
from sonotype.models.weights import PublishedWeights, find_weights, load_weights

CONTENT = b"not really weights, but their digest is right"
NAME = "some_notop.h5"


class QuietHandler(SimpleHTTPRequestHandler):
    """Serve files without writing a log."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[PublishedWeights]:
    """Publish a file on a server of this machine."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT)
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        digest = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
        yield PublishedWeights(NAME, address, digest)
        server.shutdown()


@pytest.fixture
def closed() -> PublishedWeights:
    """Publish at a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    digest = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    return PublishedWeights(NAME, f"http://127.0.0.1:{port}/", digest)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Move Keras's cache into the test's folder; the folder is not made."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    return tmp_path / "home" / "models"


def test_a_file_is_taken_as_it_is(tmp_path: Path, closed: PublishedWeights) -> None:
    for name in ("mine.h5", "mine.weights.h5", "mine.keras"):
        (tmp_path / name).touch()
        assert find_weights(tmp_path / name, closed) == tmp_path / name
        assert find_weights(str(tmp_path / name), closed) == tmp_path / name


@pytest.mark.parametrize("name", ["missing.h5", "folder.h5", "mine.npz", "imagnet"])
def test_what_is_no_file_of_weights_is_refused(
    tmp_path: Path, closed: PublishedWeights, name: str
) -> None:
    (tmp_path / "folder.h5").mkdir()
    (tmp_path / "mine.npz").touch()
    with pytest.raises(WeightsError, match=rf"{name} is not a file .*--weights none"):
        find_weights(tmp_path / name, closed)


def test_the_cache_is_used_without_the_network(
    cache: Path, closed: PublishedWeights
) -> None:
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(CONTENT)
    assert find_weights("imagenet", closed) == cache / NAME


def test_the_cache_is_in_the_home_folder_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("KERAS_HOME", raising=False)
    assert weights.cache_folder() == Path.home() / ".keras" / "models"


def test_a_download_lands_in_the_cache_and_leaves_stdout_alone(
    cache: Path, served: PublishedWeights, capsys: pytest.CaptureFixture[str]
) -> None:
    assert find_weights("imagenet", served) == cache / NAME
    assert (cache / NAME).read_bytes() == CONTENT
    printed = capsys.readouterr()
    assert printed.out == ""
    assert served.address in printed.err
    assert socket.getdefaulttimeout() is None


def test_a_broken_file_in_the_cache_is_downloaded_again(
    cache: Path, served: PublishedWeights
) -> None:
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(CONTENT[:10])
    assert find_weights("imagenet", served).read_bytes() == CONTENT


def test_a_file_that_is_not_the_published_one_is_refused(
    cache: Path, served: PublishedWeights
) -> None:
    other = PublishedWeights(NAME, served.address, "0" * 32)
    with pytest.raises(WeightsError, match=r"hash does not match .*--weights none"):
        find_weights("imagenet", other)


def test_without_a_network_the_message_says_all_that_is_needed(
    cache: Path, closed: PublishedWeights
) -> None:
    with pytest.raises(WeightsError) as caught:
        find_weights("imagenet", closed)
    message = str(caught.value)
    assert message.startswith(f"{NAME} cannot be downloaded from")
    assert f"{closed.address}{NAME}" in message
    assert f"put it into {cache}" in message
    assert message.endswith("--weights none")
    assert "refused" in message
    assert "\n" not in message


def test_a_missing_page_is_named_too(cache: Path, served: PublishedWeights) -> None:
    gone = PublishedWeights("gone.h5", served.address, served.md5)
    with pytest.raises(WeightsError, match=r"gone.h5 cannot .*File not found"):
        find_weights("imagenet", gone)
    assert not (cache / "gone.h5").exists()


def test_a_server_that_says_nothing_is_given_up(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "TIMEOUT_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(WeightsError, match="timed out"):
            find_weights("imagenet", PublishedWeights(NAME, address, "0" * 32))


def test_a_cache_that_cannot_be_made_is_named(
    cache: Path, closed: PublishedWeights
) -> None:
    cache.parent.write_text("a file where the folder should be")
    with pytest.raises(WeightsError, match=f"put it into {cache}"):
        find_weights("imagenet", closed)


def small(n_channels: int) -> keras.Model:
    inputs = keras.Input((8, 8, n_channels))
    return keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs), name="small")


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_weights_are_loaded_or_refused_with_the_file_and_the_shape(
    tmp_path: Path,
) -> None:
    kept, other = small(3), small(1)
    path = tmp_path / "kept.weights.h5"
    kept.save_weights(path)
    loaded = small(3)
    load_weights(loaded, path)
    for ours, theirs in zip(loaded.get_weights(), kept.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(WeightsError, match=r"kept.* does not fit small .*\(8, 8, 1\)"):
        load_weights(other, path)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.h5"
    path.write_text("hello")
    with pytest.raises(WeightsError, match=r"text\.h5 does not fit small"):
        load_weights(small(3), path)
