"""Finding weights: files, the cache and a server on this machine; never the network."""

import hashlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sonotype.errors import WeightsError
from sonotype.models import weights
from sonotype.models.weights import (
    PublishedWeights,
    at_hand,
    find_weights,
    load_weights,
)

CONTENT = b"not really weights, but their digest is right"
NAME = "some_notop.h5"
MD5 = "md5:" + hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serve files without writing a log."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def publish(address: str, **changes: Any) -> PublishedWeights:
    known = PublishedWeights(
        NAME,
        f"{address}/{NAME}",
        n_bytes=len(CONTENT),
        digest=SHA256,
        trained_on="ImageNet",
        licence="MIT",
    )
    return replace(known, **changes)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[PublishedWeights]:
    """Publish a file on a server of this machine."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT)
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield publish(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


@pytest.fixture
def closed() -> PublishedWeights:
    """Publish at a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return publish(f"http://127.0.0.1:{port}")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Move all places into the test's folder; none of them is made."""
    monkeypatch.setenv("SONOTYPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("SONOTYPE_WEIGHTS", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(weights, "PAUSE_SECONDS", 0.0)
    return tmp_path / "cache" / "weights"


def put(folder: Path, content: bytes = CONTENT, name: str = NAME) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def test_a_file_that_is_named_is_taken_as_it_is(
    tmp_path: Path, closed: PublishedWeights
) -> None:
    for name in ("mine.h5", "mine.npz", NAME):
        path = put(tmp_path, b"my own", name)
        assert find_weights(path, closed) == path
        assert find_weights(str(path), closed) == path


@pytest.mark.parametrize("name", ["missing.h5", "imagnet"])
def test_what_is_no_file_of_weights_is_refused(
    tmp_path: Path, closed: PublishedWeights, name: str
) -> None:
    with pytest.raises(
        WeightsError, match=rf"{name} is neither .* --weights pretrained, imagenet or n"
    ):
        find_weights(tmp_path / name, closed)


def test_a_folder_that_is_named_holds_the_published_file_or_a_copy(
    tmp_path: Path, closed: PublishedWeights
) -> None:
    copied = replace(closed, copies=("some.npz",))
    with pytest.raises(
        WeightsError,
        match=rf"{tmp_path} does not hold {NAME}; fetch {closed.address} elsewhere and "
        rf"put it into {tmp_path}, or train without: --weights none",
    ):
        find_weights(tmp_path, copied)
    copy = put(tmp_path, b"the same tensors", "some.npz")
    assert find_weights(str(tmp_path), copied) == copy
    path = put(tmp_path)
    assert find_weights(tmp_path, copied) == path


@pytest.mark.parametrize(
    ("content", "difference"),
    [
        (b"short", f"it has 5 bytes, not {len(CONTENT)}"),
        (CONTENT[::-1], f"its sha256 is [0-9a-f]{{64}}, not {SHA256[7:]}"),
    ],
)
def test_another_file_of_that_name_is_taken_only_if_it_is_named_itself(
    tmp_path: Path,
    closed: PublishedWeights,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    difference: str,
) -> None:
    path = put(tmp_path / "mine", content)
    message = rf"{NAME} is not the .*: {difference}; .* --weights {path}$"
    with pytest.raises(WeightsError, match=message):
        find_weights(path.parent, closed)
    monkeypatch.setenv("SONOTYPE_WEIGHTS", str(path.parent))
    with pytest.raises(WeightsError, match=message):
        find_weights("pretrained", closed)
    assert at_hand(closed) is None
    assert find_weights(path, closed) == path


@pytest.mark.parametrize("digest", [SHA256, MD5])
@pytest.mark.parametrize("name", ["pretrained", "imagenet"])
def test_every_place_on_this_machine_is_looked_into_before_the_network(
    tmp_path: Path,
    cache: Path,
    closed: PublishedWeights,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    digest: str,
) -> None:
    monkeypatch.setenv("SONOTYPE_WEIGHTS", str(tmp_path / "mine"))
    known = replace(closed, digest=digest)
    assert at_hand(known) is None
    # The last place first, so that each is found before those that are there already.
    for folder in (tmp_path / "keras" / "models", cache, tmp_path / "mine"):
        path = put(folder)
        assert find_weights(name, known) == path
        assert at_hand(known) == path


def test_a_file_of_an_installed_package_is_used() -> None:
    # Any file of any package will do.
    resource = "keras/__init__.py"
    carried = PublishedWeights("x", package="keras", resource=resource)
    assert find_weights("pretrained", carried) == Path(keras.__file__)
    other = replace(carried, digest="sha256:00")
    with pytest.raises(
        WeightsError, match=r"x is not on this machine; run: pip install keras, or tra"
    ):
        find_weights("pretrained", other)
    missing = PublishedWeights("x", package="sonotype-no-such", resource=resource)
    assert at_hand(missing) is None


def test_keras_is_not_asked_for_files_that_nothing_tells_from_others(
    tmp_path: Path, closed: PublishedWeights
) -> None:
    put(tmp_path / "keras" / "models")
    assert at_hand(replace(closed, digest="")) is None


def test_the_caches_are_in_the_home_folder_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SONOTYPE_CACHE", "XDG_CACHE_HOME", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert weights.weights_folder() == Path.home() / ".cache" / "sonotype" / "weights"
    assert weights.keras_folder() == Path.home() / ".keras" / "models"


@pytest.mark.parametrize("changes", [{}, {"digest": MD5}, {"digest": "", "n_bytes": 0}])
def test_a_download_is_announced_and_lands_in_the_cache_silently(
    cache: Path,
    served: PublishedWeights,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
) -> None:
    known = replace(served, **changes)
    told: list[Any] = []
    path = find_weights(
        "pretrained",
        known,
        on_download=told.append,
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert told == [known, (len(CONTENT), len(CONTENT))]
    assert path == cache / NAME
    assert path.read_bytes() == CONTENT
    assert find_weights("pretrained", known, on_download=told.append) == path
    assert len(told) == 2
    assert capsys.readouterr() == ("", "")


def test_a_broken_file_in_the_cache_is_downloaded_again(
    cache: Path, served: PublishedWeights
) -> None:
    put(cache, CONTENT[:10])
    assert find_weights("imagenet", served).read_bytes() == CONTENT


def test_a_file_that_is_not_the_published_one_is_refused(
    cache: Path, served: PublishedWeights
) -> None:
    other = replace(served, digest="md5:00")
    with pytest.raises(
        WeightsError, match=r"got 45 bytes with md5 .* expected .*--weights none"
    ):
        find_weights("imagenet", other)
    assert list(cache.iterdir()) == []


def test_without_a_network_the_message_says_all_that_is_needed(
    cache: Path, closed: PublishedWeights
) -> None:
    with pytest.raises(WeightsError) as caught:
        find_weights("imagenet", closed)
    message = str(caught.value)
    assert message.startswith(
        f"{NAME} cannot be downloaded from {closed.address} (no connection"
    )
    assert f"fetch {closed.address} elsewhere and put it into {cache}, or" in message
    assert message.endswith("or train without: --weights none --transfer scratch")
    assert "refused" in message
    assert "\n" not in message


def test_a_missing_page_is_named_too(cache: Path, served: PublishedWeights) -> None:
    gone = replace(served, address=served.address + "x")
    with pytest.raises(WeightsError, match=r"h5x \(the server answered 404.*\); "):
        find_weights("imagenet", gone)
    assert list(cache.iterdir()) == []


def test_a_server_that_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(weights, "TIMEOUT_SECONDS", 0.05)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(WeightsError, match="timed out"):
            find_weights("imagenet", publish(address))


def test_a_cache_that_cannot_be_made_is_named(
    cache: Path, served: PublishedWeights
) -> None:
    cache.parent.write_text("a file where the folder should be")
    with pytest.raises(WeightsError, match=rf"\(Not a dir.*\); .* put it into {cache}"):
        find_weights("imagenet", served)


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
