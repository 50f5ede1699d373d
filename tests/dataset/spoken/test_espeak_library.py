"""The wheel's library: found, or refused with a sentence."""

import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from sonotype.dataset.spoken.espeak_library import load_library
from sonotype.errors import DataError, MissingDependencyError


def test_without_the_wheel_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(MissingDependencyError, match=r"sonotype\[demo\]"):
        load_library(tmp_path / "espeak-ng-data")


def test_a_path_the_library_would_cut_off_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("espeakng_loader")
    deep = tmp_path / ("x" * 160) / "espeak-ng-data"
    with pytest.raises(DataError, match="more than 159 bytes; set TMPDIR"):
        load_library(deep)


def test_a_wheel_without_its_library_is_a_broken_wheel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere() -> str:
        return "/nowhere/libespeak-ng.so"

    wheel = SimpleNamespace(get_library_path=nowhere, get_data_path=nowhere)
    monkeypatch.setitem(sys.modules, "espeakng_loader", wheel)
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.raises(DataError, match=r"does not load .*; reinstall espeakng-loader"),
    ):
        load_library(Path(folder) / "espeak-ng-data")


def test_a_wheel_without_its_data_is_a_broken_wheel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wheel = pytest.importorskip("espeakng_loader")
    monkeypatch.setattr(wheel, "get_data_path", lambda: "/nowhere/espeak-ng-data")
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.raises(DataError, match=r"phontab.*; reinstall espeakng-loader"),
    ):
        load_library(Path(folder) / "espeak-ng-data")
