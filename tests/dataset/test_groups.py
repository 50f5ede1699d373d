from pathlib import PurePath

import pytest

from sonotype.dataset.groups import assign_groups
from sonotype.errors import DataError, SettingError

FILES = [
    PurePath("yes/0a7c_nohash_0.wav"),
    PurePath("no/0a7c_nohash_1.wav"),
    PurePath("no/site3/2024-05-01/x.wav"),
]


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        (None, ["0a7c", "0a7c", "no/site3/2024-05-01/x.wav"]),
        ("file", [path.as_posix() for path in FILES]),
        ("part:1", ["yes", "no", "no"]),
        ("part:-1", ["0a7c_nohash_0.wav", "0a7c_nohash_1.wav", "x.wav"]),
        ("part:-2", ["yes", "no", "2024-05-01"]),
        (r"([^/_]+)[^/]*$", ["0a7c", "0a7c", "x.wav"]),
        (r"^(yes|no)", ["yes", "no", "no"]),
        (r"(?:yes|no)/(.)", ["0", "0", "s"]),
    ],
)
def test_forms_of_grouping(group_by: str | None, expected: list[str]) -> None:
    assert assign_groups(FILES, group_by) == expected


def test_a_mark_at_the_start_of_a_name_has_no_speaker_before_it() -> None:
    path = PurePath("no/_nohash_1.wav")
    assert assign_groups([path]) == ["no/_nohash_1.wav"]


def test_a_speaker_of_two_classes_is_one_group() -> None:
    assert len(set(assign_groups(FILES[:2]))) == 1


def test_no_files_have_no_groups() -> None:
    assert assign_groups([], "part:1") == []


@pytest.mark.parametrize("group_by", ["part:4", "part:-4", "(site.)"])
def test_a_file_that_does_not_fit_is_named(group_by: str) -> None:
    with pytest.raises(
        DataError, match=r"in [12] of 3 files, the first of them (yes|no)/.*\.wav;"
    ):
        assign_groups(FILES, group_by)


def test_an_optional_group_that_is_not_there_is_no_group() -> None:
    with pytest.raises(DataError, match="in 1 of 3 files, the first of them yes/"):
        assign_groups(FILES, r"yes|(no)")


@pytest.mark.parametrize("group_by", ["part:", "part:0", "part:x", "part:1.5"])
def test_a_part_needs_a_number(group_by: str) -> None:
    with pytest.raises(SettingError, match=f"{group_by}' names no part; use 'file'"):
        assign_groups(FILES, group_by)


@pytest.mark.parametrize(("group_by", "n"), [("speaker", 0), ("(a)(b)", 2), ("", 0)])
def test_a_pattern_needs_one_group(group_by: str, n: int) -> None:
    with pytest.raises(SettingError, match=f"has {n} groups in parentheses; use 'file"):
        assign_groups(FILES, group_by)


def test_a_broken_pattern() -> None:
    with pytest.raises(SettingError, match=r"not a regular expression \(.*'part:N'"):
        assign_groups(FILES, "(")


def test_a_word_before_the_speaker_is_not_part_of_the_speaker() -> None:
    paths = [
        PurePath("_unknown_/bed_0cb74144_nohash_2.wav"),
        PurePath("yes/0cb74144_nohash_0.wav"),
        PurePath("yes/ann_bell_nohash_0.wav"),
    ]
    assert assign_groups(paths, None) == ["0cb74144", "0cb74144", "ann_bell"]
