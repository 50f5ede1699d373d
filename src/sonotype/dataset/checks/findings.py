"""What can be found in a data set: every kind, how bad it is, and what to do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Kind:
    """One kind of finding.

    Args:
        severity: An error is lost or contradictory data; a warning is data that
            probably is not what it was meant to be; a note is worth knowing.
        title: What was found, in a few words.
        advice: What to do about it.
    """

    severity: Severity
    title: str
    advice: str


@dataclass(frozen=True)
class Finding:
    """Something found, and where.

    Args:
        kind: Its name in `KINDS`.
        severity: How bad it is.
        message: What was found, with numbers.
        advice: What to do about it.
        paths: The files it was found in; none if it is about the set as a whole.
    """

    kind: str
    severity: Severity
    message: str
    advice: str
    paths: tuple[Path, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, ready for JSON."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "message": self.message,
            "advice": self.advice,
            "paths": [str(path) for path in self.paths],
        }


# In the order in which they are listed within a severity.
KINDS = {
    "unreadable": Kind(
        "error",
        "cannot be decoded",
        "Convert the file to WAV or FLAC from its source, or delete it; training "
        "leaves it out.",
    ),
    "truncated": Kind(
        "error",
        "is cut short",
        "Copy or download the file again; training leaves it out.",
    ),
    "empty": Kind(
        "error",
        "holds no sound",
        "Delete the file or get it again; training leaves it out.",
    ),
    "label-conflict": Kind(
        "error",
        "the same sound under two labels",
        "Listen to it, keep the copy whose label is right and delete the other. If "
        "both labels are right, the task is multi-label.",
    ),
    "opposite-phase": Kind(
        "error",
        "channels cancel each other",
        "The model hears the mean of the channels, which is next to nothing here. "
        "Keep one channel, or turn one upside down.",
    ),
    "class-too-small": Kind(
        "error",
        "class with fewer than three groups",
        "Training, validation and test need a group each. Add recordings from "
        "elsewhere, group by something finer if that is honest, or leave the class "
        "out.",
    ),
    "event-outside-file": Kind(
        "error",
        "event outside its recording",
        "The table and the recording do not belong together, or the times are in "
        "another unit; correct the table.",
    ),
    "all-zero": Kind(
        "warning",
        "every sample is zero",
        "Nothing was recorded. Delete it, unless digital silence is what the class "
        "means.",
    ),
    "silent": Kind(
        "warning",
        "next to silent",
        "Listen to it with the volume up; delete it if what the label says is not "
        "there.",
    ),
    "duplicate": Kind(
        "warning",
        "exact copies",
        "Keep one of each. sonotype puts copies into one group, so that none is "
        "tested on what it was trained on; other tools may not.",
    ),
    "near-duplicate": Kind(
        "warning",
        "the same recording in another form",
        "Keep the longest or least compressed one, or give them one group, or the "
        "test repeats the training.",
    ),
    "similar-labels": Kind(
        "warning",
        "labels that look the same",
        "If they mean the same, rename one folder; the model would learn them as "
        "different classes.",
    ),
    "upsampled": Kind(
        "warning",
        "nothing above an old Nyquist frequency",
        "The recording once had a lower rate. A model can tell such files by the "
        "missing treble: no harm if all classes have their share of them; else lower "
        "the model's sample rate to the old one.",
    ),
    "event-shorter-than-frame": Kind(
        "warning",
        "event shorter than one analysis frame",
        "Check its times; an event this short is heard as a click at most.",
    ),
    "set-aside": Kind(
        "warning",
        "passed over",
        "Move it where it belongs, convert it, or delete it; training leaves it out.",
    ),
    "clipped": Kind(
        "note",
        "clipped",
        "The recording was too loud for its format. Harmless if it happens in use as "
        "well; to mend it, record with less gain.",
    ),
    "dc-offset": Kind(
        "note",
        "constant offset",
        "A fault of the recorder. A mel front end hardly hears it, but the silence "
        "that a short clip is padded with begins with a click.",
    ),
    "identical-channels": Kind(
        "note",
        "mono stored as stereo",
        "Nothing is lost; stored as mono it takes half the space.",
    ),
    "low-passed": Kind(
        "note",
        "treble cut off",
        "Usual for MP3, AAC and Opus. A model can tell such files from others by it, "
        "so every class should have its share.",
    ),
    "mixed-rates": Kind(
        "note",
        "several sample rates",
        "Every file is resampled to the model's rate. Where the rate goes with the "
        "class, the model may learn the rate.",
    ),
    "imbalance": Kind(
        "note",
        "classes of very different size",
        "Judge the model by its macro F1 and by the recall of the small classes, not "
        "by accuracy alone.",
    ),
    "one-class-groups": Kind(
        "note",
        "groups with one class only",
        "Where every group has one class, a model can learn to tell the groups "
        "apart. Fine if groups are single files.",
    ),
}


def find(kind: str, message: str, paths: Iterable[Path] = ()) -> Finding:
    """Return a finding of a kind, with its severity and advice.

    Example:
        >>> find("all-zero", "2 files").severity
        'warning'
    """
    known = KINDS[kind]
    return Finding(kind, known.severity, message, known.advice, tuple(paths))


def sorted_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the worst first, then by kind, most files first, then by path."""
    order = {kind: position for position, kind in enumerate(KINDS)}
    return tuple(
        sorted(
            findings,
            key=lambda item: (
                SEVERITIES.index(item.severity),
                order[item.kind],
                -len(item.paths),
                item.paths,
                item.message,
            ),
        )
    )


def count_by_severity(findings: Sequence[Finding]) -> dict[Severity, int]:
    """Return how many findings there are of each severity, errors first."""
    return {
        severity: sum(item.severity == severity for item in findings)
        for severity in SEVERITIES
    }
