from pathlib import Path

import pytest

from sonotype.user_cache import default_cache_folder


def test_the_folder_is_chosen_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONOTYPE_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache_folder() == tmp_path / "own"
    monkeypatch.setenv("SONOTYPE_CACHE", "")
    assert default_cache_folder() == tmp_path / "xdg" / "sonotype"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_folder() == Path.home() / ".cache" / "sonotype"
