"""Copies: the same file, the same samples, or the same recording in another form."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sonotype.clips import Clips
from sonotype.dataset.checks.findings import Finding, find
from sonotype.dataset.checks.near import Match, compare_samples, find_candidates
from sonotype.dataset.checks.sound import FileFacts

# Two files are one clip, not a clip and its recording, if they share this much.
_SAME_CLIP_SHARE = 0.9


@dataclass(frozen=True)
class Copies:
    """Files that hold the same sound.

    Args:
        paths: The files, sorted.
        is_exact: All of them decode to the same samples.
        is_same_clip: They are the same sound from end to end, or nearly.
        example: How two of them go together, in words.
    """

    paths: tuple[Path, ...]
    is_exact: bool
    is_same_clip: bool
    example: str


def find_exact_copies(files: Sequence[FileFacts]) -> list[Copies]:
    """Return the files that decode to the same samples, in whatever container.

    Args:
        files: What is known of each file, in the order of their paths.

    Returns:
        One entry for each sound that is there more than once, sorted by path.
    """
    same: dict[str, list[FileFacts]] = defaultdict(list)
    for file in files:
        same[file.samples_digest].append(file)
    found = []
    for copies in same.values():
        if len(copies) < 2:
            continue
        is_same_bytes = len({file.digest for file in copies}) == 1
        words = "byte for byte" if is_same_bytes else "sample for sample"
        paths = tuple(file.path for file in copies)
        found.append(Copies(paths, is_exact=True, is_same_clip=True, example=words))
    return sorted(found, key=lambda item: item.paths)


def find_near_copies(
    files: Sequence[FileFacts],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Copies]:
    """Return the files that are cuts, louder or quieter copies, or MP3s of others.

    Of exact copies only the first is compared.

    Args:
        files: What is known of each file, in the order of their paths.
        on_progress: Called with the pairs compared so far and their number.

    Returns:
        One entry for each set of files that hang together, sorted by path. In a long
        set not every two overlap: each overlaps another.

    Raises:
        AudioError: If a file cannot be read any more.
    """
    first_of = {file.samples_digest: file for file in reversed(files)}
    kept = [file for file in files if first_of[file.samples_digest] is file]
    paths = [file.path for file in kept]
    fingerprints = [file.fingerprint for file in kept]
    candidates = find_candidates(fingerprints)
    candidates.sort(key=lambda item: -item.n_votes)
    sets = _Sets(len(kept))
    matches: list[Match] = []
    for done, candidate in enumerate(candidates, 1):
        if sets.find(candidate.first) != sets.find(candidate.second):
            match = compare_samples(paths, fingerprints, candidate)
            if match is not None:
                matches.append(match)
                sets.join(match.first, match.second)
        on_progress(done, len(candidates))
    by_set: dict[int, list[Match]] = defaultdict(list)
    for match in matches:
        by_set[sets.find(match.first)].append(match)
    found = [_near_copies(kept, together) for together in by_set.values()]
    return sorted(found, key=lambda item: item.paths)


def sets_of_copies(
    files: Sequence[FileFacts],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[dict[Path, int], dict[Path, int]]:
    """Return the files that hold the same sound, as numbered sets.

    Args:
        files: What is known of each file, in the order of their paths.
        on_progress: Called with the pairs compared so far and their number.

    Returns:
        The set of each file that has exact copies, and the set of each file that is a
        near copy, or an exact copy of one.

    Raises:
        AudioError: If a file cannot be read any more.
    """
    exact = _numbered(find_exact_copies(files))
    near = _numbered(find_near_copies(files, on_progress))
    # Only the first of exact copies was compared; the others are where it is.
    first_of: dict[int, Path] = {}
    for path, number in exact.items():
        first_of.setdefault(number, path)
    for path, number in exact.items():
        if first_of[number] in near:
            near[path] = near[first_of[number]]
    return exact, near


def copy_findings(
    copies: Iterable[Copies], labels_of: Mapping[Path, frozenset[str]]
) -> list[Finding]:
    """Return what is wrong about copies, which depends on their labels.

    Args:
        copies: From `find_exact_copies` and `find_near_copies`.
        labels_of: The labels of each file that carries them as a whole; a file whose
            clips are intervals is not in it.
    """
    return [_copy_finding(item, labels_of) for item in copies]


def labels_of_files(clips: Clips) -> dict[Path, frozenset[str]]:
    """Return the labels of each file that carries them as a whole."""
    whole, parts = {}, set()
    columns = clips.frame.select("path", "labels", "start_seconds", "end_seconds")
    for name, labels, start, end in columns.iter_rows():
        if start is None and end is None:
            whole[Path(name)] = frozenset(labels)
        else:
            parts.add(Path(name))
    return {path: labels for path, labels in whole.items() if path not in parts}


def _numbered(copies: Iterable[Copies]) -> dict[Path, int]:
    return {path: number for number, item in enumerate(copies) for path in item.paths}


def _copy_finding(item: Copies, labels_of: Mapping[Path, frozenset[str]]) -> Finding:
    labels = {labels_of[path] for path in item.paths if path in labels_of}
    n_files = len(item.paths)
    names = " / ".join(sorted({"+".join(sorted(names)) for names in labels}))
    if len(labels) > 1 and item.is_same_clip:
        return find(
            "label-conflict",
            f"{n_files} files are the same sound ({item.example}) under {names}",
            item.paths,
        )
    if item.is_exact:
        return find(
            "duplicate", f"{n_files} files are equal {item.example}", item.paths
        )
    if n_files == 2:
        message = f"two files are one recording: {item.example}"
    else:
        message = f"{n_files} files are pieces of one recording; {item.example}"
    if len(labels) > 1:
        message += f"; their labels differ: {names}"
    return find("near-duplicate", message, item.paths)


def _near_copies(files: Sequence[FileFacts], matches: Sequence[Match]) -> Copies:
    members = sorted(
        {i for match in matches for i in (match.first, match.second)},
        key=lambda i: files[i].path,
    )
    best = max(matches, key=lambda match: match.overlap_seconds)
    is_same_clip = all(
        match.overlap_seconds
        >= _SAME_CLIP_SHARE
        * max(files[match.first].seconds, files[match.second].seconds)
        for match in matches
    )
    return Copies(
        paths=tuple(files[i].path for i in members),
        is_exact=False,
        is_same_clip=is_same_clip,
        example=_describe(files[best.first], files[best.second], best),
    )


def _describe(first: FileFacts, second: FileFacts, match: Match) -> str:
    later = first if match.offset_seconds < 0 else second
    other = second if later is first else first
    words = f"{_name(later.path)} shares {match.overlap_seconds:.2f} s"
    if abs(match.offset_seconds) >= 0.001:
        words += f", from {abs(match.offset_seconds):.2f} s on,"
    words += f" with {_name(other.path)}"
    if abs(match.gain_db) >= 0.5:
        louder = match.gain_db if later is second else -match.gain_db
        words += f", {abs(louder):.1f} dB {'louder' if louder > 0 else 'quieter'}"
    return words


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


class _Sets:
    """Which recordings hang together."""

    def __init__(self, n: int) -> None:
        self._parents = list(range(n))

    def find(self, item: int) -> int:
        """Return the smallest member of the set an item is in."""
        while self._parents[item] != item:
            self._parents[item] = self._parents[self._parents[item]]
            item = self._parents[item]
        return item

    def join(self, first: int, second: int) -> None:
        """Make the sets of two items one."""
        first, second = sorted((self.find(first), self.find(second)))
        self._parents[second] = first
