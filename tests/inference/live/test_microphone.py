"""Microphones, with a module in place of sounddevice."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.inference.live.fake_sounddevice import FakeSoundDevice

from sonotype.errors import AudioError, MissingDependencyError, SettingError
from sonotype.inference.classifier import load
from sonotype.inference.live.microphone import list_devices, parse_device
from sonotype.inference.live.source import LiveSource, from_microphone
from sonotype.inference.scan import WindowScores
from sonotype.inference.stream import Gap

BUNDLE = Path(__file__).parents[2] / "data" / "tones_v1.sonotype"


def install(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> FakeSoundDevice:
    module = FakeSoundDevice(**settings)
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


def collect(source: LiveSource) -> list[Any]:
    found: list[Any] = []
    try:
        for block in source.blocks():
            found.append(block)  # noqa: PERF402 - kept where an error ends it
    except AudioError as error:
        assert "has stopped; is it still plugged in" in str(error)  # noqa: PT017
    return found


def columns(*sizes: int) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.random((size, 1), np.float32) for size in sizes]


def test_what_is_heard_is_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = columns(160, 160, 100)
    module = install(monkeypatch, blocks=blocks)
    found = collect(from_microphone(sample_rate=8_000))
    np.testing.assert_array_equal(np.concatenate(found), np.concatenate(blocks)[:, 0])
    expected = {"samplerate": 8_000, "channels": 1, "dtype": "float32"}
    assert expected.items() <= module.settings.items()
    assert module.settings["blocksize"] == 160


def test_scores_are_those_of_the_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = columns(*[160] * 60)
    install(monkeypatch, blocks=blocks, is_endless=True)
    classifier = load(BUNDLE)
    source = from_microphone(sample_rate=8_000)
    found = []
    for windows in classifier.stream(source.blocks()):
        found.append(windows)
        if windows.end_seconds[-1] >= 1:
            source.stop()
    whole = WindowScores.join(classifier.stream([np.concatenate(blocks)[:, 0]]))
    joined = WindowScores.join(found)
    np.testing.assert_array_equal(joined.scores[:7], whole.scores[:7])
    assert len(joined) in (7, 8)  # one more may end where it was stopped


def test_a_rate_it_has_not_got_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    module = install(monkeypatch, blocks=columns(10))
    source = from_microphone("USB", sample_rate=16_000)
    assert (source.name, source.sample_rate) == ("USB [1]", 44_100)
    collect(source)
    assert module.settings["device"] == "USB"
    assert module.settings["samplerate"] == 44_100


def test_what_the_driver_loses_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = columns(160, 160, 160)
    install(monkeypatch, blocks=[first, 480, second, third])
    source = from_microphone(sample_rate=8_000)
    found = collect(source)
    assert found[1] == Gap(480)
    assert [len(found[place]) for place in (0, 2, 3)] == [160, 160, 160]
    assert source.n_dropped == 480
    assert source.notes() == ["the device adds 12 ms"]


def test_a_driver_without_times_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = columns(160, 160)
    install(monkeypatch, blocks=[first, 480, second], tells_times=False)
    source = from_microphone(sample_rate=8_000)
    assert len(collect(source)) == 2
    assert source.n_dropped == 0
    assert "lost sound 1 times" in source.notes()[1]


def test_stopping_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, blocks=columns(160, 160), is_endless=True)
    source = from_microphone(sample_rate=8_000)
    n_blocks = 0
    for _ in source.blocks():
        n_blocks += 1
        if n_blocks == 2:
            source.stop()
    assert n_blocks == 2


def test_one_that_ends_by_itself_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, blocks=columns(160))
    with pytest.raises(AudioError, match="Built-in has stopped; is it still plugged"):
        list(from_microphone(sample_rate=8_000).blocks())


def test_one_that_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, cannot_open=True)
    with pytest.raises(AudioError, match="Built-in cannot be opened: Device unavail"):
        list(from_microphone(sample_rate=8_000).blocks())


def test_one_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    with pytest.raises(AudioError, match=r"no input 'Moon': .* --list-devices"):
        from_microphone("Moon")
    install(monkeypatch, devices=())
    with pytest.raises(AudioError, match="that the system would choose"):
        from_microphone()


def test_inputs_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    assert list_devices() == [
        (1, "Built-in", 2, 48_000),
        (2, "USB [1]", 1, 44_100),
    ]


def test_a_device_is_a_number_or_a_name() -> None:
    assert [parse_device(text) for text in (None, "2", "2i2")] == [None, 2, "2i2"]
    with pytest.raises(SettingError, match="number or a name"):
        parse_device(" ")


def test_without_sounddevice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(
        MissingDependencyError, match=r"pip install 'sonotype\[listen\]"
    ):
        from_microphone()


def test_without_portaudio(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # As the package itself fails on Linux without the library.
    (tmp_path / "sounddevice.py").write_text(
        "raise OSError('PortAudio library not found')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(AudioError, match=r"finds no PortAudio .* libportaudio2"):
        list_devices()
