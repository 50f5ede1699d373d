"""Many recordings: each is scanned once, and a bad one costs no other."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.errors import BundleError, SettingError
from sonotype.inference.classifier import load
from sonotype.inference.folder.journal import Journal, Shard
from sonotype.inference.folder.scan_folder import (
    Recording,
    ScanSummary,
    scan_folder,
    score_names,
)
from sonotype.inference.score_file import RecordingScores, read_scores, scan_info

BUNDLE = Path(__file__).parents[2] / "data" / "tones_v1.sonotype"


def recordings(folder: Path, *, n: int = 4, n_samples: int = 9_000) -> list[Recording]:
    rng = np.random.default_rng(0)
    made = []
    for number in range(n):
        path = folder / f"site{number % 2}" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.1 * rng.standard_normal(n_samples + number), 8_000)
        made.append(Recording(path, path.relative_to(folder).as_posix()))
    return made


def scores_in(out: Path) -> dict[str, RecordingScores]:
    return {
        path.relative_to(out).as_posix(): read_scores(path)
        for path in sorted(out.rglob("*.parquet"))
    }


def scan(made: list[Recording], out: Path, **options: object) -> ScanSummary:
    return scan_folder(BUNDLE, made, out, n_workers=1, **options)  # type: ignore[arg-type]


def test_every_recording_gets_the_scores_of_a_scan(tmp_path: Path) -> None:
    made = recordings(tmp_path / "in")
    seen: list[tuple[int, int]] = []
    summary = scan_folder(
        BUNDLE,
        made,
        tmp_path / "out",
        hop_seconds=0.1,
        n_workers=2,
        on_progress=lambda *numbers: seen.append(numbers),
    )
    assert (summary.n_scanned, summary.n_before, summary.rejected) == (4, 0, ())
    assert summary.sound_seconds == pytest.approx(36_006 / 8_000)
    total = sum(path.stat().st_size for path, _ in made)
    assert [number for _, number in seen] == [total] * 4
    assert seen[-1][0] == total
    found = scores_in(tmp_path / "out")
    assert list(found) == sorted(f"{name}.parquet" for _, name in made)
    classifier = load(BUNDLE)
    for path, name in made:
        expected = RecordingScores.of(
            scan_info(classifier, path, hop_seconds=0.1),
            classifier.scan(path, hop_seconds=0.1),
        )
        scores = found[f"{name}.parquet"]
        assert scores.info == expected.info
        assert scores.scores.equals(expected.scores)
        np.testing.assert_array_equal(scores.end_seconds, expected.end_seconds)


def test_the_second_time_only_what_has_changed_is_scanned(tmp_path: Path) -> None:
    made = recordings(tmp_path / "in")
    out = tmp_path / "out"
    scan(made[:3], out)
    soundfile.write(made[0].path, np.zeros(5_000), 8_000)
    summary = scan(made, out)
    assert (summary.n_scanned, summary.n_before) == (2, 2)
    assert scores_in(out)["site0/0.wav.parquet"].duration_seconds == 0.625
    assert len(scores_in(out)) == 4
    assert scan(made, out).n_scanned == 0


def test_a_bad_recording_costs_no_other_and_is_tried_again(tmp_path: Path) -> None:
    made = recordings(tmp_path / "in")
    good = made[1].path.read_bytes()
    made[1].path.write_bytes(good[:6_000])
    made[2].path.write_bytes(b"")
    missing = Recording(tmp_path / "in" / "x.wav", "x.wav")
    summary = scan([*made, missing], tmp_path / "out")
    assert summary.n_scanned == 2
    reasons = {item.path.name: item.reason for item in summary.rejected}
    assert reasons["1.wav"].startswith("is cut short")
    assert reasons["2.wav"] == "is empty (0 bytes)"
    assert reasons["x.wav"] == "cannot be read: No such file or directory"
    assert len(scores_in(tmp_path / "out")) == 2
    made[1].path.write_bytes(good)
    summary = scan(made, tmp_path / "out")
    assert (summary.n_scanned, summary.n_before, len(summary.rejected)) == (1, 2, 1)


def test_a_recording_that_ends_its_process_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Decoding one file kills the process, as a bug in a library might.
    (tmp_path / "patch").mkdir()
    (tmp_path / "patch" / "sitecustomize.py").write_text(
        "import os, signal, soundfile\n"
        "read = soundfile.SoundFile.read\n"
        "def patched(self, *args, **options):\n"
        "    if '1.wav' in str(getattr(self, 'path', '')):\n"
        "        os.kill(os.getpid(), signal.SIGSEGV)\n"
        "    return read(self, *args, **options)\n"
        "soundfile.SoundFile.read = patched\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "patch"))
    summary = scan(recordings(tmp_path / "in"), tmp_path / "out")
    assert summary.n_scanned == 3
    (only,) = summary.rejected
    assert only.path.name == "1.wav"
    assert only.reason.startswith("the process that scanned it has ended by signal 11")


def test_shards_share_the_work(tmp_path: Path) -> None:
    made = recordings(tmp_path / "in", n=6)
    out = tmp_path / "out"
    n_scanned = [scan(made, out, shard=Shard(i, 3)).n_scanned for i in (1, 2, 3)]
    assert sum(n_scanned) == 6
    assert len(scores_in(out)) == 6
    assert scan(made, out).n_before == 6


def test_other_settings_are_refused(tmp_path: Path) -> None:
    made = recordings(tmp_path / "in", n=1)
    scan(made, tmp_path / "out", hop_seconds=0.25)
    with pytest.raises(SettingError, match=r"hop_seconds 0\.25, but 0\.125 was asked"):
        scan(made, tmp_path / "out")


def test_nothing_to_scan_is_no_error(tmp_path: Path) -> None:
    assert scan([], tmp_path / "out") == ScanSummary(0, 0, 0.0, 0, ())


def test_a_bundle_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not a bundle"):
        scan_folder(tmp_path / "x", [], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_scores_that_cannot_be_written_end_the_scan(tmp_path: Path) -> None:
    made = recordings(tmp_path / "in", n=2)
    (tmp_path / "out" / "site0").mkdir(parents=True)
    (tmp_path / "out" / "site0" / "0.wav.parquet").mkdir()
    with pytest.raises(SettingError, match=r"0\.wav\.parquet cannot be written"):
        scan(made, tmp_path / "out")


def test_recordings_of_one_name_have_scores_of_their_own(tmp_path: Path) -> None:
    one = recordings(tmp_path / "one", n=1)
    other = recordings(tmp_path / "other", n=1, n_samples=4_000)
    out = tmp_path / "out"
    scan(one, out)
    scan(other, out)
    found = scores_in(out)
    assert len(found) == 2
    assert "site0/0.wav.parquet" in found
    recorded = {scores.info.recording for scores in found.values()}
    assert recorded == {str(one[0].path), str(other[0].path)}
    assert scan([*one, *other], out).n_before == 2


def test_names_do_not_depend_on_the_order(tmp_path: Path) -> None:
    paths = [Path("/a/1.wav"), Path("/b/1.wav"), Path("/b/2.wav")]
    wanted = [(path, Recording(path, path.name)) for path in paths]
    names = score_names(wanted, {})
    assert names[2] == "2.wav.parquet"
    assert len(set(names)) == 3
    assert score_names(wanted[::-1], {}) == names[::-1]


KILLED = """
import sys
from pathlib import Path
from sonotype.inference.folder.scan_folder import Recording, scan_folder

folder, out = map(Path, sys.argv[2:])
made = [Recording(p, p.relative_to(folder).as_posix()) for p in folder.rglob("*.wav")]
scan_folder(Path(sys.argv[1]), made, out, n_workers=1)
"""


@pytest.mark.slow
def test_a_scan_that_is_killed_goes_on(tmp_path: Path) -> None:
    made = recordings(tmp_path / "in", n=12, n_samples=2_000_000)
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, BUNDLE, tmp_path / "in", out]
    )
    journal = out / "journal.jsonl"
    for _ in range(6_000):
        if journal.exists() and journal.read_bytes().count(b"\n") >= 3:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len(Journal(out, Shard()).entries)
    assert 3 <= done < 12
    # Every file of scores that has its name is whole.
    whole = [path for path in out.rglob("*.parquet") if not path.name.startswith(".")]
    assert all(read_scores(path).duration_seconds > 200 for path in whole)
    summary = scan(made, out)
    assert summary.n_before >= done
    assert summary.n_scanned == 12 - summary.n_before
    assert len([p for p in out.rglob("*.wav.parquet") if p.name[0] != "."]) == 12


@pytest.mark.slow
def test_a_worker_ends_with_its_parent(tmp_path: Path) -> None:
    recordings(tmp_path / "in", n=1, n_samples=60_000_000)
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, BUNDLE, tmp_path / "in", tmp_path / "out"],
        start_new_session=True,
    )
    for _ in range(6_000):
        if list((tmp_path / "out").rglob(".*.parquet")):
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for _ in range(600):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        pytest.fail("the worker goes on without its parent")
    assert not list((tmp_path / "out").rglob("*.parquet"))
