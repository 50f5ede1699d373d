"""`check_dataset`: one pass over a data set, then a report."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from sonotype.clips import Clips
from sonotype.dataset.checks.duplicates import (
    copy_findings,
    find_exact_copies,
    find_near_copies,
    labels_of_files,
)
from sonotype.dataset.checks.findings import Finding, count_by_severity, sorted_findings
from sonotype.dataset.checks.hearing import Heard, Progress, listen_to_all
from sonotype.dataset.checks.judge import reading_findings, sound_findings
from sonotype.dataset.checks.labels import groups_per_class, label_findings
from sonotype.dataset.readers.layout import read_dataset

_Value = TypeVar("_Value", int, str)

_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_N_BINS = 40


@dataclass(frozen=True)
class ClassRow:
    """How much there is of one class.

    Args:
        label: Its name.
        n_clips: Clips that carry it.
        n_groups: Groups they lie in.
    """

    label: str
    n_clips: int
    n_groups: int


@dataclass(frozen=True)
class Histogram:
    """How many files there are of each length.

    Args:
        edges_seconds: Borders of the bins, one more than there are counts.
        counts: Files in each bin.
    """

    edges_seconds: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class CheckReport:
    """What is in a data set, and what is wrong with it.

    Args:
        n_clips: Clips in the table.
        n_groups: Groups they lie in.
        n_files: Files that could be decoded.
        hours: Their length together.
        formats: Files by container.
        encodings: Files by the way samples are stored, which names the bit depth.
        sample_rates: Files by sample rate in hertz.
        channels: Files by number of channels.
        classes: One row a class, in the order of the labels.
        clips_per_group: Quantiles of the number of clips in a group.
        length_seconds: Quantiles of the length of a file.
        lengths: Files by length.
        findings: What was found, the worst first.
    """

    n_clips: int
    n_groups: int
    n_files: int
    hours: float
    formats: dict[str, int]
    encodings: dict[str, int]
    sample_rates: dict[int, int]
    channels: dict[int, int]
    classes: tuple[ClassRow, ...]
    clips_per_group: dict[str, float]
    length_seconds: dict[str, float]
    lengths: Histogram
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, ready for JSON."""
        plain = asdict(self)
        plain["findings"] = [finding.to_dict() for finding in self.findings]
        plain["n_findings"] = count_by_severity(self.findings)
        return plain


def check_dataset(
    data: Clips | Path | str,
    *,
    on_listen: Progress = lambda done, total: None,
    on_compare: Progress = lambda done, total: None,
) -> CheckReport:
    """Look at every file of a data set and report what is in it.

    Every file is decoded once, by all cores together; only those that look like copies
    of one another are read a second time.

    Args:
        data: A table of clips, or a data set in any layout that `read_dataset` knows.
        on_listen: Called with the files heard so far and their number.
        on_compare: Called with the pairs compared so far and their number.

    Raises:
        DataError: If there is no such folder or nothing in it can be used.

    Example:
        >>> import tempfile
        >>> import soundfile
        >>> noise = np.random.default_rng(0).standard_normal((2, 8_000)) / 10
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for label, samples in zip(("no", "yes"), noise):
        ...         Path(folder, label).mkdir()
        ...         soundfile.write(f"{folder}/{label}/a.wav", samples, 8_000)
        ...     report = check_dataset(folder)
        >>> report.n_files, [finding.kind for finding in report.findings]
        (2, ['class-too-small', 'class-too-small'])
    """
    clips = data if isinstance(data, Clips) else read_dataset(data)
    return examine(clips, listen_to_all(clips, on_listen), on_compare)


def examine(
    clips: Clips, heard: Heard, on_progress: Progress = lambda done, total: None
) -> CheckReport:
    """Report on a table whose files were heard.

    Args:
        clips: The table.
        heard: From `listen_to_all`.
        on_progress: Called with the pairs compared so far and their number.
    """
    files = heard.files
    copies = [*find_exact_copies(files), *find_near_copies(files, on_progress)]
    findings = [
        *reading_findings([*clips.rejected, *heard.rejected]),
        *sound_findings(files),
        *copy_findings(copies, labels_of_files(clips)),
        *label_findings(clips, {file.path: file.seconds for file in files}),
    ]
    n_groups = groups_per_class(clips)
    seconds = np.array([file.seconds for file in files])
    sizes = clips.frame["group"].value_counts()["count"].to_numpy()
    return CheckReport(
        n_clips=len(clips),
        n_groups=len(sizes),
        n_files=len(files),
        hours=float(seconds.sum() / 3600),
        formats=_tally([file.container for file in files]),
        encodings=_tally([file.encoding for file in files]),
        sample_rates=_tally([file.sample_rate for file in files]),
        channels=_tally([file.n_channels for file in files]),
        classes=tuple(
            ClassRow(label, count, n_groups[label])
            for label, count in clips.counts().items()
        ),
        clips_per_group=_quantiles(sizes),
        length_seconds=_quantiles(seconds),
        lengths=_histogram(seconds),
        findings=sorted_findings(findings),
    )


def _tally(values: Sequence[_Value]) -> dict[_Value, int]:
    counted = Counter(values)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], str(item[0]))))


def _quantiles(values: np.ndarray) -> dict[str, float]:
    if len(values) == 0:
        return {}
    found = np.quantile(values, _QUANTILES)
    names = (f"{100 * share:g}%" for share in _QUANTILES)
    return dict(zip(names, (round(float(value), 4) for value in found), strict=True))


def _histogram(seconds: np.ndarray) -> Histogram:
    if len(seconds) == 0:
        return Histogram((), ())
    counts, edges = np.histogram(seconds, bins=_N_BINS)
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()))
