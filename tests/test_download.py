import hashlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from sonotype import download as download_module
from sonotype.download import Expected, download
from sonotype.errors import DataError, SettingError

CONTENT = np.random.default_rng(0).bytes(1_000_000)
OTHER = np.random.default_rng(1).bytes(1_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ALL = Expected(len(CONTENT), f"sha256:{SHA256}")


class Handler(BaseHTTPRequestHandler):
    """Serves `content`; what it does wrong is set on the server."""

    server: "Server"

    def do_GET(self) -> None:
        server = self.server
        server.requests.append({**self.headers, "path": self.path})
        if server.redirects and self.path == "/data":
            self.send_response(302)
            self.send_header("Location", server.redirects)
            self.end_headers()
            return
        if server.statuses:
            self.send_error(server.statuses.pop(0))
            return
        if server.silences:
            server.silences -= 1
            server.gone.wait(5)
            return
        self.answer()

    def answer(self) -> None:
        server = self.server
        start = 0
        asked = self.headers.get("Range", "")
        same = self.headers.get("If-Range") in (server.tag, server.modified)
        if asked and server.ranges and (same or server.ignores_if_range):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start and start >= len(server.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            last = len(server.content) - 1
            said = start + server.range_offset
            self.send_header(
                "Content-Range", f"bytes {said}-{last}/{len(server.content)}"
            )
        if server.tag:
            self.send_header("ETag", server.tag)
        if server.modified:
            self.send_header("Last-Modified", server.modified)
        if server.has_length:
            self.send_header("Content-Length", str(len(body) + server.lie))
        self.end_headers()
        n_sent = server.cuts.pop(0) if server.cuts else len(body)
        self.wfile.write(body[:n_sent])
        if server.stalls and n_sent < len(body):
            server.gone.wait(5)
        if server.changes and n_sent < len(body):
            server.content, server.tag, server.modified = OTHER, '"2"', "later"

    def log_message(self, *_: object) -> None:
        return


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    defaults: ClassVar[dict[str, Any]] = {
        "content": CONTENT,
        "tag": '"1"',
        "modified": "",
        "ranges": True,
        "ignores_if_range": False,
        "range_offset": 0,
        "has_length": True,
        "lie": 0,
        "stalls": False,
        "silences": 0,
        "changes": False,
        "redirects": "",
    }
    content: bytes
    tag: str
    modified: str
    ranges: bool
    ignores_if_range: bool
    range_offset: int
    has_length: bool
    lie: int
    stalls: bool
    silences: int
    changes: bool
    redirects: str

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        vars(self).update(self.defaults)
        self.requests: list[dict[str, str]] = []
        self.cuts: list[int] = []
        self.statuses: list[int] = []
        self.gone = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/data"

    def handle_error(self, *_: object) -> None:
        return  # the client hung up


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.gone.set()
        server.shutdown()
        thread.join()


def get(server: Server, path: Path, expected: Expected = ALL, **options: Any) -> str:
    options = {"timeout_seconds": 2, "pause_seconds": 0, **options}
    return download(server.address, path, expected, **options)


def assert_whole(path: Path, content: bytes = CONTENT) -> None:
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("expected", [ALL, Expected()])
def test_a_file_is_fetched(server: Server, tmp_path: Path, expected: Expected) -> None:
    told: list[tuple[int, int]] = []
    found = get(
        server,
        tmp_path / "a",
        expected,
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert found == SHA256
    assert_whole(tmp_path / "a")
    assert told[-1] == (1_000_000, 1_000_000)
    assert told == sorted(told)
    assert len(server.requests) == 1
    assert server.requests[0]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("has_length", [True, False])
@pytest.mark.parametrize(("tag", "modified"), [('"1"', ""), ('W/"1"', "a day")])
def test_a_connection_that_breaks_off_is_taken_up_again(
    server: Server, tmp_path: Path, tag: str, modified: str, has_length: bool
) -> None:
    server.tag, server.modified, server.has_length = tag, modified, has_length
    server.cuts = [300_000, 200_000, 1]
    expected = ALL if has_length else Expected(len(CONTENT))
    if not has_length:
        # Nothing tells a cut from the end but the size, so it's one try each.
        with pytest.raises(DataError, match="got 300000 bytes"):
            get(server, tmp_path / "a", expected)
        return
    assert get(server, tmp_path / "a", expected) == SHA256
    assert_whole(tmp_path / "a")
    ranges = [request.get("Range") for request in server.requests]
    assert ranges == [None, "bytes=300000-", "bytes=500000-", "bytes=500001-"]
    assert server.requests[1]["If-Range"] == (modified or tag)


def test_another_run_goes_on(server: Server, tmp_path: Path) -> None:
    server.cuts = [600_000] + [0] * 20
    with pytest.raises(DataError, match="broke off after 600000 of 1000000 bytes"):
        get(server, tmp_path / "a")
    assert not (tmp_path / "a").exists()
    assert (tmp_path / "a.part").stat().st_size == 600_000
    server.cuts = []
    assert get(server, tmp_path / "a") == SHA256
    assert server.requests[-1]["Range"] == "bytes=600000-"
    assert_whole(tmp_path / "a")


@pytest.mark.parametrize("expected", [ALL, Expected()])
def test_a_run_killed_after_the_last_byte_fetches_nothing(
    server: Server, tmp_path: Path, expected: Expected
) -> None:
    (tmp_path / "a.part").write_bytes(CONTENT)
    (tmp_path / "a.part.json").write_text(json.dumps({"version": '"1"'}))
    assert get(server, tmp_path / "a", expected) == SHA256
    assert_whole(tmp_path / "a")
    assert len(server.requests) == (0 if expected is ALL else 1)


@pytest.mark.parametrize("note", ["", "{}", "[]", "\x00", '{"version": ""}'])
def test_a_part_of_nobody_knows_what_is_fetched_anew(
    server: Server, tmp_path: Path, note: str
) -> None:
    (tmp_path / "a.part").write_bytes(b"other")
    (tmp_path / "a.part.json").write_text(note)
    assert get(server, tmp_path / "a") == SHA256
    assert_whole(tmp_path / "a")


def test_more_than_the_server_has_is_fetched_anew(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "a.part").write_bytes(CONTENT + b"more")
    (tmp_path / "a.part.json").write_text(json.dumps({"version": '"1"'}))
    assert get(server, tmp_path / "a") == SHA256
    assert_whole(tmp_path / "a")


def test_a_server_without_ranges_starts_again(server: Server, tmp_path: Path) -> None:
    server.ranges, server.cuts = False, [300_000, 400_000]
    assert get(server, tmp_path / "a") == SHA256
    assert_whole(tmp_path / "a")


def test_without_a_version_nothing_is_put_together(
    server: Server, tmp_path: Path
) -> None:
    server.tag, server.cuts = "", [300_000]
    assert get(server, tmp_path / "a") == SHA256
    assert "Range" not in server.requests[1]
    assert_whole(tmp_path / "a")


@pytest.mark.parametrize("ignores_if_range", [False, True])
def test_pieces_of_two_versions_are_never_put_together(
    server: Server, tmp_path: Path, ignores_if_range: bool
) -> None:
    server.changes, server.cuts = True, [300_000]
    server.ignores_if_range = ignores_if_range
    found = get(server, tmp_path / "a", Expected())
    assert found == hashlib.sha256(OTHER).hexdigest()
    assert_whole(tmp_path / "a", OTHER)


def test_the_wrong_part_is_not_taken(server: Server, tmp_path: Path) -> None:
    server.cuts, server.range_offset = [300_000], 5
    assert get(server, tmp_path / "a") == SHA256
    assert_whole(tmp_path / "a")


def test_a_wrong_file_is_deleted(server: Server, tmp_path: Path) -> None:
    server.content = OTHER
    with pytest.raises(
        DataError,
        match=rf"a cannot be fetched from http.*: got 1000000 bytes with sha256 \w+, "
        rf"but expected 1000000 bytes with {SHA256}; they were deleted",
    ):
        get(server, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_an_md5_is_checked_where_its_publisher_gives_one(
    server: Server, tmp_path: Path
) -> None:
    md5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    assert get(server, tmp_path / "a", Expected(0, f"md5:{md5}")) == SHA256
    with pytest.raises(DataError, match=rf"bytes with md5 {md5}, but .* with 00;"):
        get(server, tmp_path / "b", Expected(0, "md5:00"))
    assert_whole(tmp_path / "a")


def test_another_size_is_noticed_before_anything_is_fetched(
    server: Server, tmp_path: Path
) -> None:
    server.content = CONTENT[:-1]
    with pytest.raises(
        DataError, match="server has 999999 bytes, but the file should have 1000000"
    ):
        get(server, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lie", [1, 500])
def test_a_length_that_promises_too_much_is_no_endless_loop(
    server: Server, tmp_path: Path, lie: int
) -> None:
    server.lie, server.ranges = lie, False
    with pytest.raises(DataError, match=r"broke off after 1000000 of .*; try again"):
        get(server, tmp_path / "a", Expected())
    assert len(server.requests) == 1 + download_module._MAX_IDLE_TRIES


def test_a_length_that_promises_too_little_is_noticed(
    server: Server, tmp_path: Path
) -> None:
    server.lie = -10
    with pytest.raises(DataError, match="server has 999990 bytes"):
        get(server, tmp_path / "a")
    with pytest.raises(DataError, match="got 999990 bytes"):
        get(server, tmp_path / "a", Expected(0, ALL.digest))


def test_more_than_expected_is_not_taken(server: Server, tmp_path: Path) -> None:
    server.has_length = False
    with pytest.raises(DataError, match=r"got \d+ bytes .* but expected 5 bytes"):
        get(server, tmp_path / "a", Expected(5))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_passing_failure_is_tried_again(
    server: Server, tmp_path: Path, status: int
) -> None:
    server.statuses = [status, status]
    assert get(server, tmp_path / "a") == SHA256
    assert len(server.requests) == 3


def test_a_lasting_failure_ends(server: Server, tmp_path: Path) -> None:
    server.statuses = [500] * 100
    with pytest.raises(DataError, match=r"the server answered 500 .*, again and again"):
        get(server, tmp_path / "a")
    assert len(server.requests) == download_module._MAX_IDLE_TRIES


def test_a_file_that_is_not_there_is_not_asked_for_twice(
    server: Server, tmp_path: Path
) -> None:
    server.statuses = [404] * 100
    with pytest.raises(
        DataError, match=r"a cannot be fetched from http.*/data: .* 404 Not Found$"
    ):
        get(server, tmp_path / "a")
    assert len(server.requests) == 1


def test_a_server_that_falls_silent_is_asked_again(
    server: Server, tmp_path: Path
) -> None:
    server.stalls, server.cuts = True, [300_000]
    assert get(server, tmp_path / "a", timeout_seconds=0.2) == SHA256
    assert server.requests[1]["Range"] == "bytes=300000-"


def test_a_server_that_says_nothing_is_given_up(server: Server, tmp_path: Path) -> None:
    server.silences = 100
    with pytest.raises(DataError, match=r"\(timed out\), again and again"):
        get(server, tmp_path / "a", timeout_seconds=0.05)


def test_a_redirect_is_followed(server: Server, tmp_path: Path) -> None:
    server.redirects = "/moved"
    server.cuts = [300_000]
    assert get(server, tmp_path / "a") == SHA256
    paths = [request["path"] for request in server.requests]
    assert paths == ["/data", "/moved", "/data", "/moved"]
    assert server.requests[3]["Range"] == "bytes=300000-"


@pytest.mark.parametrize("to", ["/data", "file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_that_leads_nowhere_good(
    server: Server, tmp_path: Path, to: str
) -> None:
    server.redirects = to
    with pytest.raises(DataError, match="the server answered 302"):
        get(server, tmp_path / "a")
    assert len(server.requests) < 15


def test_no_connection_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/x.zip"
        with pytest.raises(
            DataError, match=rf"x.zip cannot be fetched from {address}: no connection"
        ) as caught:
            download(address, tmp_path / "x.zip", Expected(), pause_seconds=0)
    assert str(caught.value).endswith("are you online?")


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://x/y", "nothing"])
def test_other_addresses_are_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(SettingError, match="is no http or https address"):
        download(address, tmp_path / "a", Expected())


def test_a_disk_without_room_is_named_before_anything_is_fetched(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = SimpleNamespace(free=10)
    monkeypatch.setattr(download_module.shutil, "disk_usage", lambda _: free)
    with pytest.raises(DataError, match="takes 1000000 bytes more, but only 10 are"):
        get(server, tmp_path / "a")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DataError, match="cannot be written here: Permission denied"):
        get(server, tmp_path / "a")


def test_a_name_that_is_taken_by_a_folder(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.part").mkdir()
    with pytest.raises(DataError, match="it cannot be written here: Is a directory"):
        get(server, tmp_path / "a")
