import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.inference.made_scores import info, recording_scores, windows

from sonotype.errors import AudioError, DataError, SettingError
from sonotype.inference.classifier import load
from sonotype.inference.scan import WindowScores
from sonotype.inference.score_file import (
    RecordingScores,
    read_info,
    read_scores,
    scan_info,
    write_scores,
)

DATA = Path(__file__).parents[1] / "data"
ZONE = timezone(timedelta(hours=5, minutes=30))


def test_what_is_written_is_read(rng: np.random.Generator, tmp_path: Path) -> None:
    made = info(
        recorded_at=datetime(2024, 1, 31, 5, 30, tzinfo=ZONE),
        site="hill",
        thresholds={"owl": 0.3, "wren": 0.6},
    )
    parts = [windows(rng.random((n, 2))) for n in (7, 1, 20_000)]
    path = tmp_path / "a.parquet"
    assert write_scores(path, made, iter(parts)) == 20_008
    found = read_scores(path)
    expected = RecordingScores.of(made, parts)
    assert found.info == read_info(path) == made
    np.testing.assert_array_equal(found.start_seconds, expected.start_seconds)
    np.testing.assert_array_equal(found.end_seconds, expected.end_seconds)
    assert found.scores.equals(expected.scores)
    assert found.duration_seconds == parts[-1].end_seconds[-1]
    exact = np.concatenate([part.scores for part in parts])
    np.testing.assert_allclose(found.scores.to_numpy(), exact, atol=2.5e-4)


def test_any_program_can_read_it(tmp_path: Path) -> None:
    write_scores(tmp_path / "a.parquet", info(), [windows([[0.25, 0.5]])])
    frame = pl.read_parquet(tmp_path / "a.parquet")
    assert frame.schema == {
        "start_seconds": pl.Float64(),
        "end_seconds": pl.Float64(),
        "score_owl": pl.Float16(),
        "score_wren": pl.Float16(),
    }
    assert frame.rows() == [(0.0, 1.0, 0.25, 0.5)]


def test_only_some_labels_are_read(tmp_path: Path) -> None:
    write_scores(tmp_path / "a.parquet", info(), [windows([[0.25, 0.5]])])
    found = read_scores(tmp_path / "a.parquet", ["wren"])
    assert found.scores.to_dict(as_series=False) == {"wren": [0.5]}
    with pytest.raises(SettingError, match="label 'wrem' is unknown"):
        read_scores(tmp_path / "a.parquet", ["wrem"])


def test_labels_may_be_called_anything(tmp_path: Path) -> None:
    labels = ("start_seconds", "score_x", "a;b\tc", "鳥", "*", "^x$")
    made = recording_scores([[0.5] * 6], labels=labels)
    write_scores(tmp_path / "a.parquet", made.info, [windows([[0.5] * 6])])
    assert read_scores(tmp_path / "a.parquet", ["*"]).scores.columns == ["*"]
    assert tuple(read_scores(tmp_path / "a.parquet").scores.columns) == labels


def test_a_recording_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    def broken() -> Iterator[WindowScores]:
        yield windows([[0.1, 0.2]])
        raise AudioError("a.wav: is cut short")

    path = tmp_path / "a.parquet"
    write_scores(path, info(), [windows([[0.25, 0.5]])])
    with pytest.raises(AudioError, match="cut short"):
        write_scores(path, info(), broken())
    assert len(read_scores(path).scores) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"cannot be written: .*No such file"):
        write_scores(tmp_path / "x" / "a.parquet", info(), [windows([[0.1, 0.2]])])


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_scores(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="does not begin and end with PAR1"):
        read_scores(path)
    path.write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(DataError, match="is damaged"):
        read_scores(path)
    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.raises(DataError, match="holds no scores of a recording"):
        read_scores(path)
    write_scores(path, info(), [])
    with pytest.raises(DataError, match="holds no windows"):
        read_scores(path)
    for content, reason in {
        "{}": "recording: Field required; scan it again",
        "[": "Invalid JSON",
        info(format_version=9).model_dump_json(): "format version 9",
        info().model_dump_json(): r"is damaged .*start_seconds",
    }.items():
        pl.DataFrame({"a": [1]}).write_parquet(path, metadata={"sonotype": content})
        with pytest.raises(DataError, match=reason):
            read_scores(path)


def test_what_is_known_of_a_recording(tmp_path: Path) -> None:
    classifier = load(DATA / "tones_v1.sonotype")
    path = tmp_path / "HILL_20240131_053000+0100.wav"
    path.write_bytes((DATA / "low.wav").read_bytes())
    found = scan_info(classifier, path, hop_seconds=0.1)
    assert (found.window_seconds, found.hop_seconds) == (0.25, 0.1)
    assert (found.n_bytes, found.site) == (path.stat().st_size, "HILL")
    assert found.labels == ("high", "low")
    assert found.graph_sha256.startswith("025742d1b174")
    assert found.recorded_at is not None
    assert found.recorded_at.isoformat() == "2024-01-31T05:30:00+01:00"
    with pytest.raises(AudioError, match="there is no such file"):
        scan_info(classifier, tmp_path / "b.wav")


MEMORY = """
import sys
from pathlib import Path
import numpy as np
from sonotype.inference.score_file import ScanInfo, write_scores
from sonotype.inference.scan import WindowScores

def parts(n_windows):
    scores = np.random.default_rng(0).random((1_000, 50)).astype(np.float32)
    for at in range(0, n_windows, 1_000):
        yield WindowScores(np.arange(1_000.0) + at, np.arange(1_000.0) + at, scores)

info = ScanInfo.model_validate_json(sys.argv[2])
write_scores(Path(sys.argv[1]), info, parts(int(sys.argv[3])))
# Not ru_maxrss: it remembers the process that started this one.
status = Path("/proc/self/status").read_text().split()
print(int(status[status.index("VmHWM:") + 1]) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@pytest.mark.slow
def test_memory_hardly_grows_with_the_length(tmp_path: Path) -> None:
    made = info(labels=tuple(f"{n}" for n in range(50))).model_dump_json()
    used = []
    for n_windows in (20_000, 400_000):
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, tmp_path / "a", made, str(n_windows)],
            capture_output=True,
            text=True,
            check=True,
        )
        used.append(int(done.stdout))
    # All of it would be 40 MB, twice.
    assert used[1] < used[0] + 30
