"""Google Speech Commands, versions 1 and 2, split as its publisher does."""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from sonotype.audio.io import read_info
from sonotype.clips import Clips
from sonotype.dataset.readers.audio_files import FoundAudio, find_audio
from sonotype.dataset.readers.collect import Found, collect, found_frame
from sonotype.dataset.readers.folder import BACKGROUND_NOISE
from sonotype.dataset.text_file import read_text
from sonotype.errors import AudioError, DataError, unknown_name

LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
UNKNOWN, SILENCE = "_unknown_", "_silence_"
_MADE = (UNKNOWN, SILENCE)

_EIGHT = ("down", "go", "left", "no", "right", "stop", "up", "yes")
_TEN = (*_EIGHT, "off", "on")
_THIRTY_FIVE = tuple(
    sorted(
        (
            *(*_TEN, "backward", "bed", "bird", "cat", "dog", "eight", "five"),
            *("follow", "forward", "four", "happy", "house", "learn", "marvin"),
            *("nine", "one", "seven", "sheila", "six", "three", "tree", "two"),
            *("visual", "wow", "zero"),
        )
    )
)
# Each protocol by the words it tells apart; 12 classes are ten words and two more.
PRESETS = {"8-words": _EIGHT, "12-class": _TEN, "35-class": _THIRTY_FIVE}

# The test archive renames other words: `bed/0a7c2a8d_nohash_0.wav` is, in `_unknown_`,
# `bed_0a7c2a8d_nohash_0.wav.wav`.
_WORD_BEFORE = re.compile(r"[a-z]+_(?=[0-9a-f]{8}_nohash_)")

# The published rule: a hash of the speaker, as per cent of 2**27 - 1 files.
_MAX_FILES = 2**27 - 1
_VALIDATION_PERCENT = 10
_TEST_PERCENT = 10
# In the published protocol `_unknown_` and `_silence_` have each a tenth of the clips
# of the ten words.
_EXTRA_SHARE = 0.1
# Silence is cut from the noise recordings one second at a time, and split by time.
_SILENCE_SECONDS = 1.0
_SILENCE_PARTS = ((0.8, "train"), (0.9, "validation"), (1.0, "test"))


def read_speech_commands(
    root: Path | str,
    *,
    preset: str | None = None,
    classes: Sequence[str] | None = None,
    group_by: str | None = None,
) -> Clips:
    """Return the clips of Speech Commands, with the publisher's parts.

    The parts are those of `validation_list.txt` and `testing_list.txt`, or else of the
    published rule, see `published_part`. The group is the speaker.

    Args:
        root: The data folder, with one folder a word.
        preset: A published protocol. `8-words` and `35-class` are those words alone.
            `12-class` is ten words, `_unknown_` from the other words and `_silence_`
            from seconds of `_background_noise_`; each of the two has a tenth as many
            clips as the ten words, or what there is. Of each noise recording the first
            80 % are for training, the next 10 % for validation, the rest for the test.
            Folders `_unknown_` and `_silence_`, as in the test archive, are taken whole
            instead. `None` reads every folder as a class.
        classes: The classes to read, in the order of the model's outputs.
        group_by: Another grouping, see `sonotype.dataset.groups.assign_groups`.

    Raises:
        SettingError: If the preset, a class or a form of `group_by` is unknown.
        DataError: If there is no folder, it lacks what the preset needs, or nothing in
            it can be used.

    References:
        Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition",
        arXiv:1804.03209.
    """
    root = Path(root)
    if preset is not None and preset not in PRESETS:
        raise unknown_name("preset", preset, PRESETS)
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder")
    audio = find_audio(root)
    found = _found_words(audio, root)
    if preset is not None:
        found = _follow(preset, found, root)
    return collect(
        found_frame(found),
        root,
        classes=classes,
        group_by=group_by,
        kind="speaker",
        rejected=audio.rejected,
    )


def published_part(file_name: str) -> str:
    """Return the part that the published rule puts a file in.

    All files of a speaker are in one part, also those that are added later.

    Args:
        file_name: Such as `0a7c2a8d_nohash_0.wav`; the part before `_nohash_` counts.

    Returns:
        `train`, `validation` or `test`.

    References:
        `which_set` in the README of the data set.

    Example:
        >>> speakers = ("0a7c2a8d", "ab00c4b2", "0c40e715")
        >>> [published_part(f"{speaker}_nohash_0.wav") for speaker in speakers]
        ['train', 'validation', 'test']
    """
    speaker = file_name.partition("_nohash_")[0]
    number = int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % (_MAX_FILES + 1)
    percent = number * (100 / _MAX_FILES)
    if percent < _VALIDATION_PERCENT:
        return "validation"
    return "test" if percent < _VALIDATION_PERCENT + _TEST_PERCENT else "train"


def _found_words(audio: FoundAudio, root: Path) -> list[Found]:
    """Return every clip below a folder that is not noise, labelled by the folder."""
    part_of = _official_parts(root)
    found = []
    for path in audio.files:
        below = path.relative_to(root)
        if len(below.parts) > 1 and below.parts[0] != BACKGROUND_NOISE:
            speaker, mark, _ = _WORD_BEFORE.sub("", path.name).partition("_nohash_")
            clip = Found(
                str(path),
                [below.parts[0]],
                group=speaker if mark and speaker else None,
                split=part_of(below.as_posix()),
            )
            found.append(clip)
    return found


def _official_parts(root: Path) -> Callable[[str], str]:
    """Return what tells the part of a file, from its path below the data folder."""
    part_of: dict[str, str] = {}
    lists = {part: root / name for part, name in LISTS.items()}
    if not any(path.is_file() for path in lists.values()):
        return lambda below: published_part(
            _WORD_BEFORE.sub("", below.rpartition("/")[2])
        )
    for part, path in lists.items():
        if path.is_file():
            lines = (line.strip() for line in read_text(path).splitlines())
            part_of.update(dict.fromkeys(lines, part))
    return lambda below: part_of.get(below, "train")


def _follow(preset: str, found: list[Found], root: Path) -> list[Found]:
    """Return the clips of a protocol."""
    wanted = PRESETS[preset]
    lacking = sorted(set(wanted) - {clip.labels[0] for clip in found})
    if lacking:
        raise DataError(
            f"{root}: the preset {preset} needs a folder for each of its words, but "
            f"there is none for: {', '.join(lacking)}"
        )
    words = [clip for clip in found if clip.labels[0] in wanted]
    if preset != "12-class":
        return words
    made = {
        UNKNOWN: [
            clip._replace(labels=[UNKNOWN])
            for clip in found
            if clip.labels[0] not in (*wanted, *_MADE)
        ],
        SILENCE: _cut_silence(root),
    }
    for label, clips in made.items():
        ready = [clip for clip in found if clip.labels[0] == label]
        extra = ready or _share_of(clips, words)
        if not extra:
            raise DataError(
                f"{root}: there is nothing to make {label} of; the preset {preset} "
                f"needs other words and {BACKGROUND_NOISE}, or {UNKNOWN} and {SILENCE}"
            )
        words = [*words, *extra]
    return words


def _share_of(clips: list[Found], words: list[Found]) -> list[Found]:
    """Return as many clips of each part as the protocol has, chosen by a hash."""
    sizes = Counter(clip.split for clip in words if clip.labels[0] not in _MADE)
    left = {part: math.ceil(size * _EXTRA_SHARE) for part, size in sizes.items()}
    chosen = []
    for clip in sorted(clips, key=_shuffled):
        if clip.problem is not None or left.get(clip.split, 0) > 0:
            chosen.append(clip)
            left[clip.split] = left.get(clip.split, 0) - (clip.problem is None)
    return sorted(chosen, key=lambda clip: (clip.path, clip.start_seconds or 0))


def _shuffled(clip: Found) -> str:
    """Return a key that sorts clips in an order of no meaning, always the same."""
    path = Path(clip.path)
    name = f"{path.parent.name}/{path.name} {clip.start_seconds}"
    return hashlib.sha1(name.encode()).hexdigest()


def _cut_silence(root: Path) -> list[Found]:
    """Return every whole second of the noise recordings."""
    folder = root / BACKGROUND_NOISE
    found = []
    for path in find_audio(folder).files if folder.is_dir() else []:
        try:
            duration = read_info(path).duration_seconds
        except AudioError as error:
            problem = str(error).removeprefix(f"{path}: ")
            found.append(Found(str(path), problem=problem))
            continue
        n_clips = int(duration / _SILENCE_SECONDS)
        for i in range(n_clips):
            part = next(part for end, part in _SILENCE_PARTS if i < end * n_clips)
            found.append(
                Found(
                    str(path),
                    [SILENCE],
                    start_seconds=i * _SILENCE_SECONDS,
                    end_seconds=(i + 1) * _SILENCE_SECONDS,
                    group=f"{path.name}/{part}",
                    split=part,
                )
            )
    return found
