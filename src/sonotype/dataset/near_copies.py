"""Groups that hear: near copies of one recording share one, whatever their names."""

from collections.abc import Callable, Sequence

from sonotype.clips import Clips
from sonotype.dataset.checks.duplicates import sets_of_copies
from sonotype.dataset.checks.hearing import listen_to_all
from sonotype.dataset.checks.sound import FileFacts
from sonotype.dataset.copies import merge_copies

Progress = Callable[[int, int], None]


def hear_and_join(
    clips: Clips, on_progress: Progress = lambda done, total: None
) -> Clips:
    """Decode every file and put clips of near copies into one group.

    Args:
        clips: Clips of any groups.
        on_progress: Called with the files heard so far and their number, then with the
            pairs of files compared and their number.

    Returns:
        The same clips. A file that cannot be decoded keeps the groups it has.
    """
    heard = listen_to_all(clips, on_progress)
    return join_near_copies(clips, heard.files, on_progress)


def join_near_copies(
    clips: Clips,
    files: Sequence[FileFacts],
    on_progress: Progress = lambda done, total: None,
) -> Clips:
    """Put clips of near copies into one group, and all that shares a group with them.

    A cut, a louder copy or an MP3 of a recording in another part of the split is heard
    twice. Groups stay whole: if one clip of Ann's is a copy of one of Bob's, all of
    Ann's and Bob's clips become one group. Two files are joined as wholes, also where
    their clips are intervals that do not overlap.

    Args:
        clips: Clips of any groups.
        files: What was heard in their files, sorted by path.
        on_progress: Called with the pairs compared so far and their number.

    Returns:
        The same clips; groups that are joined take the smallest of their names.

    Raises:
        AudioError: If a file cannot be read any more.
    """
    exact, near = sets_of_copies(files, on_progress)
    # Near after exact: exact copies of a near copy are in its set as well.
    sound_of = {
        **{str(path): f"exact copies {number}" for path, number in exact.items()},
        **{str(path): f"near copies {number}" for path, number in near.items()},
    }
    sounds = [sound_of.get(path, path) for path in clips.frame["path"]]
    return clips.with_groups(merge_copies(clips, sounds))
