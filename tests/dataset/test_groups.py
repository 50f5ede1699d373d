from pathlib import PurePath

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonotype.dataset.groups import (
    Kind,
    assign_groups,
    complete_groups,
    group_column,
    without_near_duplicates,
)
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
        (r"regex:^(yes|no)", ["yes", "no", "no"]),
        ("speaker", ["0a7c", "0a7c", "no/site3/2024-05-01/x.wav"]),
        ("recording", [path.as_posix() for path in FILES]),
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
    with pytest.raises(SettingError, match=f"{group_by}' names no part; use 'speaker'"):
        assign_groups(FILES, group_by)


@pytest.mark.parametrize(("group_by", "n"), [("speakr", 0), ("(a)(b)", 2), ("", 0)])
def test_a_pattern_needs_one_group(group_by: str, n: int) -> None:
    with pytest.raises(
        SettingError, match=f"has {n} groups in parentheses; use 'speaker'"
    ):
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


parts_of_paths = st.lists(st.text("ab_ 0", min_size=1), min_size=2, max_size=4).map(
    lambda parts: PurePath(*parts)
)


@given(st.lists(parts_of_paths, max_size=5), st.sampled_from([-2, -1, 1, 2]))
def test_text_and_paths_give_the_same_groups(paths: list[PurePath], n: int) -> None:
    names = [path.as_posix() for path in paths]
    for group_by in (None, "file", r"(.)$"):
        assert assign_groups(names, group_by) == assign_groups(paths, group_by)
    expected = [path.parts[n - 1 if n > 0 else n] for path in paths]
    assert assign_groups(names, f"part:{n}") == expected


def test_names_that_tell_no_speaker_at_all() -> None:
    with pytest.raises(DataError, match="'speaker' finds nothing in 1 of 1 files"):
        assign_groups(["no/x.wav"], "speaker")


@pytest.mark.parametrize("group_by", ["site", "column:day"])
def test_what_only_a_table_tells(group_by: str) -> None:
    words = f"nothing here tells the grouping '{group_by}': it needs a table"
    with pytest.raises(SettingError, match=words):
        assign_groups(["no/x.wav"], group_by)


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        (None, (None, False)),
        ("near-duplicate", (None, True)),
        ("speaker+near-duplicate", ("speaker", True)),
        (r"(\d)+near-duplicate", (r"(\d)", True)),
        ("near-duplicates", ("near-duplicates", False)),
    ],
)
def test_near_duplicate_goes_with_any_form(
    group_by: str | None, expected: tuple[str | None, bool]
) -> None:
    assert without_near_duplicates(group_by) == expected


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        (None, None),
        ("Day", "Day"),
        ("column:Day", "Day"),
        ("column:site", "site"),
        ("site", "site"),
        ("speaker", "Speaker_ID"),
        ("recording", None),
        ("part:1", None),
        ("day", None),
    ],
)
def test_columns_that_groupings_name(group_by: str | None, expected: str) -> None:
    columns = ["file", "Day", "location", "site", "Speaker_ID", "client_id"]
    assert group_column(group_by, columns) == expected


def test_a_column_that_is_not_there() -> None:
    words = "column to group by 'dya' is unknown .did you mean 'day'.*; choose from day"
    with pytest.raises(SettingError, match=words):
        group_column("column:dya", ["day", "file"])
    with pytest.raises(SettingError, match="by 'site' is unknown; choose from day, f"):
        group_column("site", ["day", "file"])


def completed(
    given: list[str | None], group_by: str | None, kind: Kind | None = None
) -> list[str]:
    paths = pl.Series(["/d/a_nohash_0.wav", "/d/a_nohash_0.wav", "/d/x.wav"])
    groups = pl.Series(given, dtype=pl.String)
    found = complete_groups(groups, paths, group_by, root=PurePath("/d"), kind=kind)
    assert found.name == "group"
    return found.to_list()


@pytest.mark.parametrize(
    ("group_by", "kind", "expected"),
    [
        (None, None, ["s1", "a", "s2"]),
        (None, "site", ["s1", "a", "s2"]),
        ("site", "site", ["s1", "a_nohash_0.wav", "s2"]),
        ("speaker", "speaker", ["s1", "a", "s2"]),
        ("speaker", "site", ["a", "a", "x.wav"]),
        ("file", "site", ["a_nohash_0.wav", "a_nohash_0.wav", "x.wav"]),
        (r"^(.)", None, ["a", "a", "x"]),
    ],
)
def test_given_groups_are_kept_or_replaced(
    group_by: str | None, kind: Kind | None, expected: list[str]
) -> None:
    assert completed(["s1", None, "s2"], group_by, kind) == expected


def test_given_groups_that_are_no_sites() -> None:
    with pytest.raises(SettingError, match="nothing here tells the grouping 'site'"):
        completed(["ann", "ann", "bob"], "site", "speaker")
    with pytest.raises(DataError, match=r"in 1 of 2 files, .* them x\.wav"):
        completed([None, None, None], "^(a)", "speaker")


def test_a_kind_of_which_nothing_is_given_is_told_from_the_names() -> None:
    assert completed([None, None, None], "speaker", "speaker") == ["a", "a", "x.wav"]
    with pytest.raises(SettingError, match="nothing here tells"):
        completed([None, None, None], "site", "site")


@pytest.mark.parametrize(
    ("root", "path", "expected"),
    [
        ("data", "data/no/x.wav", "no/x.wav"),
        ("data", "database/x.wav", "database/x.wav"),
        (".", "no/x.wav", "no/x.wav"),
        ("/", "/no/x.wav", "no/x.wav"),
        ("/a", "/b/x.wav", "/b/x.wav"),
    ],
)
def test_paths_are_looked_at_from_the_data_folder(
    root: str, path: str, expected: str
) -> None:
    nothing = pl.Series([None], dtype=pl.String)
    paths = pl.Series([str(PurePath(path))])
    found = complete_groups(nothing, paths, "file", root=PurePath(root))
    assert found.to_list() == [expected]


def test_each_file_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def remember(paths: list[str], group_by: str | None) -> list[str]:
        asked.extend(paths)
        return paths

    monkeypatch.setattr("sonotype.dataset.groups.assign_groups", remember)
    paths = pl.Series(["b.wav", "a.wav", "b.wav"] * 100)
    nothing = pl.Series([None] * 300, dtype=pl.String)
    found = complete_groups(nothing, paths, root=PurePath())
    assert asked == ["b.wav", "a.wav"]
    assert found.to_list() == paths.to_list()


def test_no_clips_have_no_groups() -> None:
    nothing = pl.Series([], dtype=pl.String)
    assert complete_groups(nothing, nothing, "part:1", root=PurePath()).len() == 0
