"""The parts or folds that clips come in, as their publisher or owner drew them."""

import re

from sonotype.clips import Clips

PARTS = ("train", "validation", "test")
_FOLD = re.compile(r"fold\d+")


def given_parts(clips: Clips) -> tuple[str, ...]:
    """Return the parts that the clips come in, if they come in parts.

    They do if every clip is assigned to train, validation or test, some of them to
    train and some of them not.

    Example:
        >>> from pathlib import Path
        >>> from sonotype.clips import Clip
        >>> parts = ("test", "train", "train")
        >>> clips = [Clip(Path("a"), ("no",), "a", split=part) for part in parts]
        >>> given_parts(Clips.of(clips)), given_parts(Clips.of(clips[1:]))
        (('train', 'test'), ())
    """
    named = set(clips.frame["split"].unique())
    if not named <= set(PARTS) or "train" not in named or len(named) < 2:
        return ()
    return tuple(name for name in PARTS if name in named)


def given_folds(clips: Clips) -> tuple[str, ...]:
    """Return the folds that the clips come in: `fold1`, `fold2` ..., at least two.

    None, if a clip is in no fold.
    """
    named = clips.frame["split"].unique().to_list()
    matches = [_FOLD.fullmatch(name or "") for name in named]
    if len(named) < 2 or not all(matches):
        return ()
    return tuple(sorted(named, key=lambda name: int(name.removeprefix("fold"))))
