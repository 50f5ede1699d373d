"""The Free Spoken Digit Dataset: `recordings/{digit}_{speaker}_{index}.wav`."""

import re
from collections.abc import Sequence
from pathlib import Path

from sonotype.clips import Clips, Rejected
from sonotype.dataset.readers.audio_files import find_audio
from sonotype.dataset.readers.collect import Found, collect, found_frame
from sonotype.errors import DataError

FILE_NAME = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")
# As its README has it: takes 0 to 4 are the test set, 5 to 49 the training set.
_N_TEST = 5


def read_fsdd(
    root: Path | str,
    *,
    classes: Sequence[str] | None = None,
    group_by: str | None = None,
    official_split: bool = False,
) -> Clips:
    """Return the spoken digits; the speaker is the group.

    Args:
        root: The repository, or its folder `recordings`.
        classes: The digits to read, in the order of the model's outputs.
        group_by: Another grouping, see `sonotype.dataset.groups.assign_groups`.
        official_split: Whether the first five takes of every digit and speaker are the
            test part, as the publisher has it. Every speaker is then in both parts, so
            the score says nothing of voices that were not heard in training.

    Raises:
        SettingError: If a class or a form of `group_by` is unknown.
        DataError: If there is no such recording, or no usable one.

    References:
        Jackson et al., Free Spoken Digit Dataset, github.com/Jakobovski.
    """
    folder = recordings_folder(Path(root))
    audio = find_audio(folder)
    rejected = list(audio.rejected)
    found = []
    for path in audio.files:
        match = FILE_NAME.fullmatch(path.name)
        if match is None:
            reason = "is not named DIGIT_SPEAKER_INDEX.wav"
            rejected.append(Rejected(path, reason))
            continue
        digit, speaker, index = match.groups()
        part = ("test" if int(index) < _N_TEST else "train") if official_split else None
        found.append(Found(str(path), [digit], group=speaker, split=part))
    if not found:
        raise DataError(
            f"{root}: has no recording named DIGIT_SPEAKER_INDEX.wav, such as "
            "recordings/0_george_0.wav"
        )
    return collect(
        found_frame(found),
        folder,
        classes=classes,
        group_by=group_by,
        kind="speaker",
        rejected=rejected,
    )


def recordings_folder(root: Path) -> Path:
    """Return the folder that holds the recordings: `root/recordings`, or `root`.

    Raises:
        DataError: If there is none.
    """
    folder = root / "recordings" if (root / "recordings").is_dir() else root
    if not folder.is_dir():
        raise DataError(f"{root}: there is no such folder")
    return folder
