import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sonotype.atomic import atomic_file, atomic_folder, refuse_unwritable
from sonotype.errors import SettingError


def test_the_folder_appears_only_at_the_end(tmp_path: Path) -> None:
    wanted = tmp_path / "deep" / "made"
    with atomic_folder(wanted) as partial:
        (partial / "sub").mkdir()
        (partial / "sub" / "file").write_text("content")
        assert not wanted.exists()
    assert (wanted / "sub" / "file").read_text() == "content"
    assert list(wanted.parent.iterdir()) == [wanted]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="half way"),
        atomic_folder(tmp_path / "made") as p,
    ):
        (p / "file").write_text("content")
        raise ValueError("half way")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_last_good_state(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "made") as partial:
        (partial / "file").write_text("old")
    with (
        pytest.raises(ValueError, match="half way"),
        atomic_folder(tmp_path / "made", replace=True) as partial,
    ):
        (partial / "file").write_text("new")
        raise ValueError("half way")
    assert (tmp_path / "made" / "file").read_text() == "old"


def test_replacing_must_be_asked_for(tmp_path: Path) -> None:
    for content in ("old", "new"):
        with atomic_folder(tmp_path / "made", replace=True) as partial:
            (partial / "file").write_text(content)
    assert (tmp_path / "made" / "file").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    with (
        pytest.raises(SettingError, match="pass --force"),
        atomic_folder(tmp_path / "made"),
    ):
        pass


def test_a_file_in_the_way_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "made").write_text("mine")
    with (
        pytest.raises(SettingError, match="not a folder"),
        atomic_folder(tmp_path / "made", replace=True),
    ):
        pass


def test_killed_half_way_nothing_is_at_the_name(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from sonotype.atomic import atomic_folder\n"
        "with atomic_folder(Path(sys.argv[1])) as partial:\n"
        "    (partial / 'file').write_text('content')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "made")], check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "made").exists()


def test_a_file_is_whole_or_as_before(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(ValueError, match="half way"), atomic_file(path) as partial:
        partial.write_text("new")
        raise ValueError("half way")
    assert path.read_text() == "old"
    with atomic_file(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_what_can_be_made_is_not_refused_and_nothing_is_left(tmp_path: Path) -> None:
    refuse_unwritable(tmp_path / "made")
    refuse_unwritable(tmp_path / "deep" / "er" / "made")
    assert list(tmp_path.iterdir()) == []


def test_what_can_never_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "made", tmp_path / "file" / "deep" / "made"):
        with pytest.raises(SettingError, match=r"made cannot be made: Not a directory"):
            refuse_unwritable(path)
