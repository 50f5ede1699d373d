"""From what was heard in each file to findings: all the limits are here."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sonotype.clips import Rejected
from sonotype.dataset.checks.findings import Finding, find
from sonotype.dataset.checks.sound import FileFacts

# Ten bits of sixteen: a sound this quiet can be made out, but hardly by a recorder.
_SILENT_DBFS = -60.0
_FEWEST_PLATEAUS = 5
_LEAST_CLIPPED_SHARE = 0.0005
# -46 dBFS; recorders of today stay below a tenth of it.
_LEAST_OFFSET = 0.005
# The mean of a short clip of wind or traffic is not zero either, but wanders.
_OFFSET_OVER_SPREAD = 4.0
# -20 dB: two unrelated channels lose 3 dB in their mean.
_LEAST_MONO_SHARE = 0.01
# Dither or a lossy codec may make two equal channels differ by about this: -60 dB.
_EQUAL_CHANNELS_SHARE = 1 - 1e-6
# From here on the end of the treble may as well be that of an MP3 or an Ogg.
_HIGHEST_OLD_RATE_HZ = 24_000
# Lossy codecs keep this much at any bit rate people use; where the treble ends lower,
# at no old Nyquist frequency, it is most often the sound itself that ends.
_LOWEST_LOSSY_HZ = 10_000.0
_LOSSY = frozenset(("MP3", "OGG"))

# What the error of a file that cannot be read says, and the kind it is.
_REASONS = (
    ("is empty", "empty"),
    ("holds no sound", "empty"),
    ("cut short", "truncated"),
    ("lies in no class folder", "set-aside"),
    ("read already", "set-aside"),
    ("is not a regular file", "set-aside"),
    ("is in no clip", "set-aside"),  # an event that no window holds enough of
    ("files cannot be read; convert", "set-aside"),
)


@dataclass(frozen=True)
class _Rule:
    """A fault of single files: how to tell, and how bad the worst of them is."""

    kind: str
    applies: Callable[[FileFacts], bool]
    amount: Callable[[FileFacts], float]
    words: str


def reading_findings(rejected: Iterable[Rejected]) -> list[Finding]:
    """Return one finding for each file that could not be used."""
    return [
        find(_kind_of(item.reason), f"{item.path.name}: {item.reason}", [item.path])
        for item in rejected
    ]


def sound_findings(files: Sequence[FileFacts]) -> list[Finding]:
    """Return what is wrong with the sound of single files: one finding a kind."""
    findings = []
    for rule in _RULES:
        found = [file for file in files if rule.applies(file)]
        if found:
            worst = max(found, key=rule.amount)
            words = rule.words.format(worst=worst, amount=rule.amount(worst))
            findings.append(
                find(
                    rule.kind,
                    f"{count_files(len(found))}{words}",
                    [file.path for file in found],
                )
            )
    return [*findings, *_wall_findings(files), *_rate_findings(files)]


def count_files(n: int) -> str:
    """Return a number of files in words.

    Example:
        >>> count_files(1), count_files(1200)
        ('1 file', '1,200 files')
    """
    return "1 file" if n == 1 else f"{n:,} files"


def _kind_of(reason: str) -> str:
    return next((kind for words, kind in _REASONS if words in reason), "unreadable")


def _is_zero(file: FileFacts) -> bool:
    return file.levels.peak == 0


def _swing_dbfs(file: FileFacts) -> float:
    return 20 * float(np.log10(max(file.levels.swing, 1e-9)))


def _is_silent(file: FileFacts) -> bool:
    return not _is_zero(file) and _swing_dbfs(file) < _SILENT_DBFS


def _is_clipped(file: FileFacts) -> bool:
    levels = file.levels
    return (
        levels.n_plateaus >= _FEWEST_PLATEAUS
        and levels.clipped_share >= _LEAST_CLIPPED_SHARE
    )


def _has_offset(file: FileFacts) -> bool:
    size = abs(file.levels.offset)
    return size >= max(_LEAST_OFFSET, _OFFSET_OVER_SPREAD * file.levels.offset_spread)


def _cancels(file: FileFacts) -> bool:
    return file.n_channels > 1 and file.levels.mono_share < _LEAST_MONO_SHARE


def _is_mono_twice(file: FileFacts) -> bool:
    share = file.levels.mono_share
    return file.n_channels > 1 and not _is_zero(file) and share > _EQUAL_CHANNELS_SHARE


_RULES = (
    _Rule("all-zero", _is_zero, lambda file: file.seconds, ""),
    _Rule(
        "silent",
        _is_silent,
        lambda file: -_swing_dbfs(file),
        f" with a peak below {_SILENT_DBFS:g} dBFS; the quietest is "
        "{worst.path.name} at -{amount:.1f} dBFS",
    ),
    _Rule(
        "clipped",
        _is_clipped,
        lambda file: file.levels.clipped_share,
        "; the worst is {worst.path.name} with {amount:.2%} of its samples on "
        "{worst.levels.n_plateaus} flat tops",
    ),
    _Rule(
        "dc-offset",
        _has_offset,
        lambda file: abs(file.levels.offset),
        "; the greatest is {worst.levels.offset:+.4f} of full scale in "
        "{worst.path.name}",
    ),
    _Rule(
        "opposite-phase",
        _cancels,
        lambda file: -file.levels.mono_share,
        "; the mean of {worst.path.name} has {worst.levels.mono_share:.2%} of the "
        "power of its channels",
    ),
    _Rule("identical-channels", _is_mono_twice, lambda file: file.seconds, ""),
)


def _wall_findings(files: Sequence[FileFacts]) -> list[Finding]:
    upsampled: dict[int, list[FileFacts]] = defaultdict(list)
    low_passed = []
    for file in files:
        if file.wall is None:
            continue
        old = file.wall.old_rate_hz()
        if old is not None and old <= _HIGHEST_OLD_RATE_HZ:
            upsampled[old].append(file)
        elif file.wall.hertz >= _LOWEST_LOSSY_HZ:
            low_passed.append(file)
    findings = [
        find(
            "upsampled",
            f"{count_files(len(found))} at {_rates(found)} with nothing above "
            f"{_hertz(found)}: like sound once sampled at {old / 1000:g} kHz",
            [file.path for file in found],
        )
        for old, found in sorted(upsampled.items())
    ]
    if low_passed:
        n_lossy = sum(file.container in _LOSSY for file in low_passed)
        findings.append(
            find(
                "low-passed",
                f"{count_files(len(low_passed))} with nothing above "
                f"{_hertz(low_passed)}, {n_lossy} of them MP3 or Ogg now; a lossy "
                "codec does this, or an old rate of 32 kHz",
                [file.path for file in low_passed],
            )
        )
    return findings


def _hertz(files: Sequence[FileFacts]) -> str:
    edges = [file.wall.hertz / 1000 for file in files if file.wall]
    low, high = f"{min(edges):.1f}", f"{max(edges):.1f}"
    return f"{low} kHz" if low == high else f"{low} to {high} kHz"


def _rates(files: Sequence[FileFacts]) -> str:
    rates = sorted({file.sample_rate for file in files})
    return " and ".join(f"{rate / 1000:g} kHz" for rate in rates)


def _rate_findings(files: Sequence[FileFacts]) -> list[Finding]:
    rates = Counter(file.sample_rate for file in files)
    if len(rates) < 2:
        return []
    usual = rates.most_common(1)[0][0]
    words = ", ".join(f"{n:,} at {rate:,} Hz" for rate, n in rates.most_common())
    others = [file.path for file in files if file.sample_rate != usual]
    return [find("mixed-rates", words, others)]
