"""How much the parts of a split know of each other."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from sonotype.clips import Clips
from sonotype.dataset.checks.duplicates import sets_of_copies
from sonotype.dataset.checks.sound import FileFacts
from sonotype.dataset.copies import merge_copies
from sonotype.dataset.split import Split, split


@dataclass(frozen=True)
class SharedBy:
    """What one part of a split shares with an earlier one.

    Args:
        part: The part that is measured on: validation or test.
        source: The part it must not know.
        n_clips: Clips of `part`.
        n_in_shared_groups: Of these, clips whose group is in `source` too.
        n_copies: Clips that are, sample for sample, in `source` too.
        n_near_copies: Clips of whose recording `source` has another form or piece,
            without those counted as copies.
    """

    part: str
    source: str
    n_clips: int
    n_in_shared_groups: int
    n_copies: int
    n_near_copies: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, ready for JSON."""
        return asdict(self)


def measure_leakage(
    parts: Split,
    files: Iterable[FileFacts],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[SharedBy, ...]:
    """Count what the parts of a split share.

    Args:
        parts: The split; the `group` of its clips is what ought to stay together.
        files: What was heard in its files, sorted by path.
        on_progress: Called with the pairs compared so far and their number.

    Returns:
        Validation against training, test against training, test against validation.
        Pieces of one long recording count as near copies also where the pieces
        themselves do not overlap.
    """
    exact, near = sets_of_copies(list(files), on_progress)
    return tuple(
        _compare(parts, part, source, exact, near)
        for source, part in combinations(Split._fields, 2)
    )


def split_at_random(clips: Clips, *, seed: int = 0) -> Split:
    """Return a split that takes no heed of groups, as most tutorials make it.

    Nor of parts that the clips come in.

    Args:
        clips: What to divide.
        seed: Another seed gives another split.

    Returns:
        Three parts; each clip keeps its group.
    """
    own = clips.with_groups([str(number) for number in range(len(clips))])
    group_of = dict(zip(own.groups(), clips.groups(), strict=True))
    return Split(
        *(
            part.with_groups([group_of[name] for name in part.groups()])
            for part in split(own, seed=seed, keep_given=False)
        )
    )


def split_by_group(clips: Clips, files: Iterable[FileFacts], *, seed: int = 0) -> Split:
    """Return the split that training makes: groups stay whole, and so do copies.

    Args:
        clips: What to divide.
        files: What was heard in its files.
        seed: Another seed gives another split.
    """
    return split(usable_clips(clips, files), seed=seed)


def usable_clips(clips: Clips, files: Iterable[FileFacts]) -> Clips:
    """Return the clips that training would use, with copies in one group.

    Args:
        clips: Clips of any groups.
        files: What was heard in those of their files that can be decoded.
    """
    digests = {str(file.path): file.digest for file in files}
    usable = clips.frame["path"].is_in(list(digests))
    clips = clips.select(usable.arg_true().to_numpy())
    content = [digests[path] for path in clips.frame["path"]]
    return clips.with_groups(merge_copies(clips, content))


def _compare(
    parts: Split,
    part: str,
    source: str,
    exact: dict[Path, int],
    near: dict[Path, int],
) -> SharedBy:
    measured, known = getattr(parts, part), getattr(parts, source)
    groups = set(known.groups())
    exact_known = {exact.get(path) for path in known.paths()} - {None}
    near_known = {near.get(path) for path in known.paths()} - {None}
    n_copies = n_near = 0
    for path in measured.paths():
        if exact.get(path) in exact_known:
            n_copies += 1
        elif near.get(path) in near_known:
            n_near += 1
    return SharedBy(
        part=part,
        source=source,
        n_clips=len(measured),
        n_in_shared_groups=sum(group in groups for group in measured.groups()),
        n_copies=n_copies,
        n_near_copies=n_near,
    )
