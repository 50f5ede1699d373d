"""`sonotype listen`, as a person types it."""

import io
import json
import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from rich.console import Console
from tests.inference.live.fake_sounddevice import FakeSoundDevice
from typer.testing import CliRunner, Result

from sonotype.errors import AudioError, MissingDependencyError, SettingError
from sonotype.inference.live.source import FastSource
from sonotype.inference.scan import WindowScores
from sonotype.interfaces.cli.listen import listen, stopped_by_signals
from sonotype.interfaces.cli.live_meter import LiveMeter
from sonotype.interfaces.cli.scan import scan

BUNDLE = Path(__file__).parents[1] / "data" / "tones_v1.sonotype"
PROGRAM = """
import typer
from sonotype.interfaces.cli.listen import listen
typer.run(listen)
"""


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(listen)
    app.command()(scan)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def tones(*hertz: float) -> np.ndarray:
    """Return a second of each tone."""
    seconds = np.arange(8_000) / 8_000
    parts = [0.3 * np.sin(2 * np.pi * pitch * seconds) for pitch in hertz]
    noise = 0.05 * np.random.default_rng(0).standard_normal(8_000 * len(hertz))
    return np.concatenate(parts) + noise


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "20240131_053000.wav"
    soundfile.write(path, tones(440, 1_760, 440), 8_000)
    return path


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--threshold", "0.7", "--off", "0.4", "--gap", "100ms", "--min", "0.2s"),
        ("--hop", "50ms", "--smooth", "0.3s", "--extent", "window"),
        ("--classes", "high"),
    ],
)
def test_events_are_those_of_a_scan(options: tuple[str, ...], path: Path) -> None:
    done = run("listen", BUNDLE, path, "--fast", *options)
    found = sorted(rows(done.stdout), key=lambda row: row["start_seconds"])
    expected = rows(run("scan", BUNDLE, path, "--format", "jsonl", *options).stdout)
    assert found
    for row, event in zip(found, expected, strict=True):
        assert row["label"] == event["label"]
        assert row["score"] == event["score"]
        assert row["start_seconds"] == event["start_seconds"]
        end = event["end_seconds"] - event["start_seconds"]
        assert row["duration_seconds"] == pytest.approx(end, abs=2e-6)
        assert row["begins_at"] == event["begins_at"]
    assert "listening to " in done.stderr
    assert "heard 3.0 s, " in done.stderr


def test_onsets(path: Path) -> None:
    done = run("listen", BUNDLE, path, "--fast", "--lines", "onsets")
    assert [(row["label"], row["duration_seconds"]) for row in rows(done.stdout)] == [
        ("low", 0.25),
        ("high", 0.25),
        ("low", 0.25),
    ]
    options = ("--lines", "onsets", "--refractory", "5s")
    done = run("listen", BUNDLE, path, "--fast", *options)
    assert [row["label"] for row in rows(done.stdout)] == ["low", "high"]


def test_windows(path: Path) -> None:
    done = run("listen", BUNDLE, path, "--fast", "--lines", "windows", "--hop", "250ms")
    found = rows(done.stdout)
    assert [row["start_seconds"] for row in found] == [0.25 * n for n in range(12)]
    assert found[0]["scores"].keys() == {"high", "low"}
    assert found[0]["scores"]["low"] > 0.9
    assert found[4]["scores"]["high"] > 0.9


def test_what_is_played_has_the_time_on_the_wall(path: Path) -> None:
    before = datetime.now().astimezone()
    found = rows(run("listen", BUNDLE, path, "--lines", "onsets").stdout)
    heard = [datetime.fromisoformat(row["begins_at"]) for row in found]
    for row, at in zip(found, heard, strict=True):
        late = (at - before).total_seconds() - row["start_seconds"]
        assert -0.01 < late < 3


def start(*arguments: str | Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", PROGRAM, BUNDLE, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)


@pytest.mark.parametrize("options", [(), ("--fast",)])
def test_raw_samples_are_a_file_s(options: tuple[str, ...], path: Path) -> None:
    stereo = np.repeat(tones(440, 1_760, 440)[:, None], 2, axis=1)
    samples = np.round(stereo * 2**15).astype("<i2")
    process = start("-", "--rate", "8000", "--channels", "2", *options)
    out, messages = process.communicate(samples.tobytes(), timeout=60)
    assert process.returncode == 0, messages
    found = rows(out.decode())
    expected = rows(run("listen", BUNDLE, path, "--fast").stdout)
    assert len(found) == 3
    for row, other in zip(found, expected, strict=True):
        assert row | {"begins_at": None} == other | {"begins_at": None}
        assert (row["begins_at"] is None) == bool(options)


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("options", [(), ("--fast",)])
def test_a_signal_ends_it_with_what_was_heard_and_a_summary(
    number: signal.Signals, options: tuple[str, ...]
) -> None:
    process = start("-", "--rate", "8000", "--encoding", "f32le", *options)
    assert process.stdin is not None
    assert process.stdout is not None
    # The first event is over with the second tone; that is still going on.
    process.stdin.write(tones(440, 1_760).astype("<f4").tobytes())
    process.stdin.flush()
    first = process.stdout.readline()
    # Nothing more comes, and the pipe stays open.
    process.send_signal(number)
    process.wait(timeout=60)
    rest, messages = process.communicate()
    assert process.returncode == 0, messages
    assert [row["label"] for row in rows((first + rest).decode())] == ["low", "high"]
    lines = messages.decode().splitlines()
    assert lines[0] == "listening to stdin at 8000 Hz; Ctrl-C ends"
    assert lines[1].startswith("heard 2.0 s, 15 windows, 0 samples lost")


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_signals_are_what_they_were_afterwards() -> None:
    numbers = signal.SIGINT, signal.SIGTERM
    before = [signal.getsignal(number) for number in numbers]
    with stopped_by_signals(FastSource("a", [], sample_rate=8_000)):
        during = [signal.getsignal(number) for number in numbers]
        signal.raise_signal(signal.SIGTERM)
        assert [signal.getsignal(number) for number in numbers] == before
    assert [signal.getsignal(number) for number in numbers] == before
    assert not set(during) & set(before)


def test_nothing_is_drawn_where_stderr_is_no_terminal() -> None:
    process = start("-", "--rate", "8000", "--fast")
    content = np.round(tones(440) * 2**15).astype("<i2").tobytes()
    _, messages = process.communicate(content, timeout=60)
    assert b"\x1b" not in messages
    assert messages.count(b"\n") == 2


def test_a_microphone(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = tones(440, 1_760).astype(np.float32)[:, None]
    module = FakeSoundDevice(blocks=np.split(samples, 100))
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    with pytest.raises(AudioError, match="has stopped"):
        run("listen", BUNDLE)
    assert module.settings["samplerate"] == 8_000


def test_sound_before_a_failure_is_not_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = tones(440, 1_760).astype(np.float32)[:, None]
    module = FakeSoundDevice(blocks=np.split(samples, 100))
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    with pytest.raises(AudioError, match="has stopped"):
        listen(BUNDLE, device="USB", min_=0.0, gap=0.0, smooth=0.0)
    printed = capsys.readouterr()
    assert [row["label"] for row in rows(printed.out)] == ["low", "high"]
    assert "listening to USB [1] at 8000 Hz" in printed.err
    assert "the device adds 12 ms" in printed.err


def test_devices_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSoundDevice())
    done = run("listen", "--list-devices")
    assert done.exit_code == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[1:] == [
        ["Built-in", "1", "2", "48000"],
        ["USB", "[1]", "2", "1", "44100"],
    ]


def test_without_sounddevice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    for arguments in (("listen", BUNDLE), ("listen", "--list-devices")):
        with pytest.raises(MissingDependencyError, match=r"sonotype\[listen\]"):
            run(*arguments)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--fast",), "a microphone cannot be --fast"),
        (("a.wav", "--device", "1"), "--device is about a microphone, but a.wav"),
        (("a.wav", "--rate", "8000"), "--rate is about raw samples on stdin; add -"),
        (("--encoding", "f32le"), "--encoding is about raw samples"),
        (("a.wav", "--refractory", "1s"), "--refractory is about onsets"),
        (("a.wav", "--hop", "1s"), "no such file"),
    ],
)
def test_options_that_do_not_go_together(
    arguments: tuple[str, ...], reason: str
) -> None:
    with pytest.raises((SettingError, AudioError), match=reason):
        run("listen", BUNDLE, *arguments)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--hop", "1s"), "the hop is 1 s, but must be"),
        (("--lines", "onsets", "--gap", "1s"), "before its length is known"),
        (("--threshold", "hihg=0.5"), "did you mean 'high'"),
    ],
)
def test_settings_that_cannot_be_meant(
    options: tuple[str, ...], reason: str, path: Path
) -> None:
    with pytest.raises(SettingError, match=reason):
        run("listen", BUNDLE, path, "--fast", *options)


class Lossy(FastSource):
    n_dropped = 12_000


def drawn(*, is_terminal: bool, labels: tuple[str, ...] = ("[owl]", "wren")) -> str:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=is_terminal, width=80)
    meter = LiveMeter(labels, Lossy("a", [], sample_rate=8_000), console)
    scores = np.array([[0.1] * len(labels), [0.25, 0.75]], np.float32)
    with meter:
        meter.score(WindowScores(np.array([0, 0.5]), np.array([1, 1.5]), scores))
        meter.hear(np.full(100, 0.1, np.float32))
        meter.emit("{}")
    meter.hear(np.full(100, 0.1, np.float32))
    return screen.getvalue()


def test_the_meter_shows_level_and_scores(capsys: pytest.CaptureFixture[str]) -> None:
    screen = drawn(is_terminal=True)
    assert "-20 dB, peak -20 dB" in screen
    assert "1.5 s, 1.5 s lost" in screen
    assert screen.index("0.75 wren") < screen.index("0.25 [owl]")
    # Data is none of its business, while stdout is no terminal.
    assert capsys.readouterr().out == "{}\n"
    assert "{}" not in screen


def test_lines_go_above_the_meter_in_the_same_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert "{}" in drawn(is_terminal=True)
    assert capsys.readouterr().out == ""


def test_there_is_no_meter_without_a_terminal() -> None:
    assert drawn(is_terminal=False) == ""


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "-60 dB, peak -60 dB"), (1.0, "0 dB, peak 0 dB  clipped")],
)
def test_the_meter_s_scale(value: float, shown: str) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80)
    with LiveMeter(("owl",), Lossy("a", [], sample_rate=8_000), console) as meter:
        meter.hear(np.full(100, value, np.float32))
        meter.hear(np.zeros(0, np.float32))
    assert shown in screen.getvalue()
