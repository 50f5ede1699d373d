"""The part of the check that needs no listening: told before every training."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Literal

from sonotype.clips import Clips
from sonotype.dataset.checks.duplicates import Copies, copy_findings, labels_of_files
from sonotype.dataset.checks.findings import KINDS, Finding, sorted_findings
from sonotype.dataset.checks.judge import reading_findings
from sonotype.dataset.checks.labels import label_findings
from sonotype.dataset.given_split import given_parts
from sonotype.errors import DataError
from sonotype.labels import Task


def quick_findings(
    clips: Clips, digests: Sequence[str] | None = None
) -> tuple[Finding, ...]:
    """Return what is wrong with a data set as far as its table tells.

    Args:
        clips: The table; files that were set aside are findings too.
        digests: What tells the content of each clip's file from others, if it is known:
            equal files are findings then, above all under different labels.

    Returns:
        The worst first. Classes too small to split are none where the clips come in
        parts.

    Example:
        >>> from sonotype.clips import Clip
        >>> names = {"a.wav": "Dog", "b.wav": "dog", "c.wav": "dog"}
        >>> clips = Clips.of(Clip(Path(p), (name,), p) for p, name in names.items())
        >>> [finding.kind for finding in quick_findings(clips)]
        ['class-too-small', 'class-too-small', 'similar-labels']
    """
    findings = [*reading_findings(clips.rejected), *label_findings(clips, {})]
    if digests is not None:
        copies = _equal_files(clips, digests)
        findings += copy_findings(copies, labels_of_files(clips))
    if given_parts(clips):
        findings = [item for item in findings if item.kind != "class-too-small"]
    return sorted_findings(findings)


def finding_lines(findings: Iterable[Finding]) -> list[str]:
    """Return findings as one line a kind, for a person.

    Args:
        findings: Sorted, as `quick_findings` returns them.

    Example:
        >>> from sonotype.dataset.checks.findings import find
        >>> finding_lines([find("imbalance", "'a' has 90 clips, 'b' has 9")])
        ["note: classes of very different size: 'a' has 90 clips, 'b' has 9"]
    """
    lines = []
    for kind, group in groupby(findings, key=lambda finding: finding.kind):
        first, *others = group
        more = f"; and {len(others):,} more" if others else ""
        known = KINDS[kind]
        lines.append(f"{known.severity}: {known.title}: {first.message}{more}")
    return lines


def refuse_hopeless(clips: Clips, task: Task | Literal["auto"] = "auto") -> None:
    """Refuse what no training can make a classifier of.

    What whole groups cannot be divided into parts is for `split` to refuse.

    Args:
        clips: All that would be trained and tested on.
        task: What the model is to answer; `auto` is what the clips are for.

    Raises:
        DataError: If a single-label model would have one class, or a clip's labels do
            not fit the task or contradict one another.
    """
    if task == "multi-label" or (task == "auto" and clips.is_multi_label):
        clips.label_matrix()
        return
    clips.label_indices()
    carried = [name for name, count in clips.counts().items() if count]
    if len(carried) < 2:
        raise DataError(
            f"{carried[0]!r} is the only class, so there is nothing to tell it from; "
            "add recordings of another class, or of what is none"
        )


def _equal_files(clips: Clips, digests: Sequence[str]) -> list[Copies]:
    paths_of: dict[str, set[str]] = defaultdict(set)
    for path, digest in zip(clips.frame["path"], digests, strict=True):
        paths_of[digest].add(path)
    return [
        Copies(
            paths=tuple(sorted(Path(path) for path in paths)),
            is_exact=True,
            is_same_clip=True,
            example="byte for byte",
        )
        for paths in paths_of.values()
        if len(paths) > 1
    ]
