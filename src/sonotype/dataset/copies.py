"""Copies of one file: they must not get into different parts of a split."""

from sonotype.clips import Clips


def merge_copies(clips: Clips, digests: list[str]) -> list[str]:
    """Return each clip's group, one for groups that hold copies of the same file.

    Two groups may well share one file: they are merged only if it is there twice.

    Args:
        clips: Clips of any groups.
        digests: What tells the content of each clip's file from others.

    Returns:
        The group of each clip; groups that are merged take the smallest of their names.

    Example:
        >>> from pathlib import Path
        >>> from sonotype.clips import Clip
        >>> names = {"a.wav": "ann", "b.wav": "bob", "c.wav": "cat"}
        >>> clips = Clips.of(Clip(Path(p), ("x",), g) for p, g in names.items())
        >>> merge_copies(clips, ["3f", "77", "3f"])
        ['ann', 'bob', 'ann']
    """
    parents: dict[str, str] = {}

    def find(group: str) -> str:
        while (parent := parents.setdefault(group, group)) != group:
            parents[group] = parents[parent]
            group = parents[group]
        return group

    paths_of: dict[str, set[str]] = {}
    for path, digest in zip(clips.frame["path"], digests, strict=True):
        paths_of.setdefault(digest, set()).add(path)
    groups = clips.groups()
    first: dict[str, str] = {}
    for group, digest in zip(groups, digests, strict=True):
        if len(paths_of[digest]) > 1:
            one, other = find(group), find(first.setdefault(digest, group))
            # The smaller name wins, so that the order of the clips does not matter.
            parents[max(one, other)] = min(one, other)
    return [find(group) for group in groups]
