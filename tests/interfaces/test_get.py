import hashlib
import http.server
import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from sonotype.dataset.published import catalogue
from sonotype.dataset.published.catalogue import DataSet
from sonotype.errors import DataError, SettingError
from sonotype.interfaces.cli.get import get


def archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("words/yes/1.wav", b"sound")
        made.writestr("words/no/2.wav", b"sound")
    return stream.getvalue()


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "words.zip").write_bytes(archive())
    monkeypatch.setenv("no_proxy", "*")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path / "www"))

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/words.zip"
        server.shutdown()
        thread.join()


@pytest.fixture
def words(address: str, monkeypatch: pytest.MonkeyPatch) -> DataSet:
    made = DataSet(
        name="words",
        title="Some words",
        address=address,
        file="words.zip",
        n_bytes=len(archive()),
        sha256=hashlib.sha256(archive()).hexdigest(),
        licence="CC BY 4.0",
        citation="A. Nobody, 2020",
    )
    monkeypatch.setattr(catalogue, "read_catalogue", lambda: {"words": made})
    return made


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(get)
    return CliRunner().invoke(app, arguments)


@pytest.mark.usefixtures("words")
def test_the_licence_comes_first_and_the_folder_is_the_answer(tmp_path: Path) -> None:
    result = run("words", "--out", str(tmp_path / "mine"))
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path / 'mine'}\n"
    assert (tmp_path / "mine" / "yes" / "1.wav").read_bytes() == b"sound"
    first = result.stderr.index("CC BY 4.0")
    assert first < result.stderr.index("Fetching words")
    assert "A. Nobody, 2020" in result.stderr
    assert "no hash" not in result.stderr
    again = run("words", "--out", str(tmp_path / "mine"))
    assert again.stdout == result.stdout
    assert "holds it already; pass --force" in again.stderr


def test_without_out_the_folder_is_the_name(
    tmp_path: Path, words: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(words.name).stdout == "words\n"
    assert (tmp_path / "words" / "no" / "2.wav").exists()


def test_without_a_published_hash_the_hash_is_shown(
    tmp_path: Path, words: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    object.__setattr__(words, "sha256", "")
    object.__setattr__(words, "n_bytes", 0)
    out = str(tmp_path / "mine")
    result = run("words", "--out", out)
    sha256 = hashlib.sha256(archive()).hexdigest()
    assert f"this one has sha256 {sha256}" in result.stderr
    assert "changed" not in result.stderr
    with zipfile.ZipFile(tmp_path / "www" / "words.zip", "a") as made:
        made.writestr("words/maybe/3.wav", b"sound")
    result = run("words", "--out", out, "--force")
    assert f"the publisher has changed it: it had sha256 {sha256}" in result.stderr
    assert (tmp_path / "mine" / "maybe" / "3.wav").exists()


def test_another_file_than_expected_is_an_error(tmp_path: Path, words: DataSet) -> None:
    object.__setattr__(words, "sha256", "0" * 64)
    result = run("words", "--out", str(tmp_path / "mine"))
    assert isinstance(result.exception, DataError)
    assert "but expected" in str(result.exception)
    assert not (tmp_path / "mine").exists()


def test_the_list_names_every_data_set() -> None:
    result = run("--list")
    for name in catalogue.read_catalogue():
        assert name in result.stdout


def test_a_name_is_needed() -> None:
    result = run()
    assert isinstance(result.exception, SettingError)
    assert "--list shows them all" in str(result.exception)


def test_an_unknown_name_has_a_suggestion() -> None:
    result = run("speech-comands-v2")
    assert "did you mean 'speech-commands-v2'" in str(result.exception)
