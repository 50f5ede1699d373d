import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.clips import Clip, Clips
from sonotype.dataset.checks import hearing
from sonotype.dataset.checks.doctor import check_dataset
from sonotype.errors import DataError

RATE = 8_000


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Two classes of four, with a copy, a broken file and another rate."""
    root = tmp_path / "data"
    for label in ("no", "yes"):
        (root / label).mkdir(parents=True)
        for i in range(4):
            samples = 0.1 * rng.standard_normal(RATE * (1 + i))
            soundfile.write(root / label / f"{i}.wav", samples, RATE)
    (root / "yes" / "copy.wav").write_bytes((root / "yes" / "0.wav").read_bytes())
    (root / "no" / "broken.wav").write_bytes(b"RIFF")
    soundfile.write(root / "no" / "fast.flac", 0.1 * rng.standard_normal(500), 16_000)
    return root


def test_counts_are_those_of_the_folder(folder: Path) -> None:
    report = check_dataset(folder)
    assert (report.n_files, report.n_clips, report.n_groups) == (10, 10, 10)
    assert report.hours == pytest.approx((21 + 500 / 16_000) / 3600)
    assert report.formats == {"WAV": 9, "FLAC": 1}
    assert report.sample_rates == {8_000: 9, 16_000: 1}
    assert report.channels == {1: 10}
    assert report.encodings == {"PCM_16": 10}
    assert [(row.label, row.n_clips, row.n_groups) for row in report.classes] == [
        ("no", 5, 5),
        ("yes", 5, 5),
    ]
    assert report.length_seconds["0%"] == pytest.approx(500 / 16_000, abs=1e-4)
    assert report.length_seconds["100%"] == 4.0
    assert sum(report.lengths.counts) == 10
    assert report.clips_per_group["100%"] == 1.0


def test_findings_name_their_files(folder: Path) -> None:
    found = {item.kind: item for item in check_dataset(folder).findings}
    assert sorted(found) == ["duplicate", "mixed-rates", "unreadable"]
    assert [path.name for path in found["duplicate"].paths] == ["0.wav", "copy.wav"]
    assert found["unreadable"].paths == (folder / "no" / "broken.wav",)


def test_the_report_does_not_depend_on_the_number_of_cores(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = []
    for n_cores in (1, 7):
        monkeypatch.setattr(hearing, "usable_cores", lambda n=n_cores: n)
        reports.append(check_dataset(folder))
    assert reports[0] == reports[1]


def test_progress_reaches_the_end(folder: Path) -> None:
    calls: list[tuple[int, int]] = []
    check_dataset(folder, on_listen=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 10) for done in range(1, 11)]


def test_it_is_plain_json(folder: Path) -> None:
    plain = json.loads(json.dumps(check_dataset(folder).to_dict()))
    assert plain["n_findings"] == {"error": 1, "warning": 1, "note": 1}
    assert plain["classes"][0] == {"label": "no", "n_clips": 5, "n_groups": 5}


def test_a_file_that_breaks_after_it_was_listed_is_a_finding(
    folder: Path, rng: np.random.Generator
) -> None:
    clips = Clips.of(
        [Clip(folder / "no" / f"{i}.wav", ("no",), str(i)) for i in range(3)]
        + [Clip(folder / "gone.wav", ("no",), "x")]
    )
    report = check_dataset(clips)
    assert report.n_files == 3
    (finding,) = report.findings
    assert finding.kind == "unreadable"
    assert "gone.wav: cannot be read: No such file" in finding.message


def test_clips_with_times_are_checked_against_their_files(folder: Path) -> None:
    path = folder / "no" / "3.wav"
    clips = Clips.of(
        Clip(path, ("no",), str(start), float(start), start + 1.0) for start in range(6)
    )
    (finding,) = check_dataset(clips).findings
    assert finding.kind == "event-outside-file"
    assert finding.message.startswith("2 events; the first is 4 to 5 s in 3.wav")


def test_a_set_in_which_nothing_can_be_decoded(folder: Path) -> None:
    clips = Clips.of([Clip(folder / f"{i}.wav", ("no",), str(i)) for i in range(3)])
    report = check_dataset(clips)
    assert (report.n_files, report.hours, report.length_seconds) == (0, 0.0, {})
    assert {item.kind for item in report.findings} == {"unreadable"}


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such folder"):
        check_dataset(tmp_path / "gone")


@pytest.fixture
def shared() -> Callable[[str], Path]:
    root = Path(__file__).parents[4] / "shared" / "data"

    def find(name: str) -> Path:
        if not (root / name).is_dir():
            pytest.skip("needs the recordings")
        return root / name

    return find


@pytest.mark.slow
def test_what_is_found_in_real_recordings(shared: Callable[[str], Path]) -> None:
    """Every one of these findings was looked at by hand; see the how-to."""
    report = check_dataset(shared("speech_commands"))
    kinds = [finding.kind for finding in report.findings]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "silent": 1,
        "duplicate": 92,
        "near-duplicate": 76,
        "upsampled": 1,
        "clipped": 1,
        "dc-offset": 1,
    }
    for finding in report.findings:
        if finding.kind == "near-duplicate":
            assert {path.parent.name for path in finding.paths} == {"_silence_"}
        if finding.kind == "upsampled":
            assert all("27c30960" in path.name for path in finding.paths)
