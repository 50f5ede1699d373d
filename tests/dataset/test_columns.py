from pathlib import Path

import pytest

from sonotype.dataset.columns import (
    IN_EVENTS,
    ROLES,
    find_columns,
    need_columns,
    plain_name,
)
from sonotype.errors import DataError, SettingError


@pytest.mark.parametrize(
    "header",
    [
        "path,start_seconds,end_seconds,label",
        "file,start,end,species",
        "filename,onset,offset,event_label",
        "IN FILE,OFFSET,DURATION,MANUAL ID",
        "Begin Path,Begin Time (s),End Time (s),Annotation",
        "recording_id,t_min,t_max,class",
    ],
)
def test_names_that_people_use_for_events(header: str) -> None:
    end = "duration" if "DURATION" in header else "end"
    names = header.split(",")
    found = find_columns(names, of_events=True)
    assert found == dict(zip(("path", "start", end, "labels"), names, strict=True))


def test_every_usual_name_has_one_role_and_its_plain_form() -> None:
    usual = [name for names in ROLES.values() for name in names]
    assert len(set(usual)) == len(usual)
    for role, names in ROLES.items():
        assert [plain_name(name) for name in names] == list(names), role
        assert all(
            find_columns([name.upper()]) == {role: name.upper()} for name in names
        )
    assert set(IN_EVENTS) < set(ROLES)


def test_the_surest_name_wins_and_a_column_has_one_role() -> None:
    assert find_columns(["file", "path", "id"]) == {"path": "path"}
    assert find_columns(["file", "recording_id"], of_events=True) == {
        "path": "file",
        "group": "recording_id",
    }
    assert find_columns(["recording_id"], of_events=True) == {"path": "recording_id"}
    assert find_columns(["Start", "start"]) == {"start": "Start"}


def test_names_that_mean_something_else_in_other_tables() -> None:
    assert find_columns(["file", "label", "time", "type", "offset"]) == {
        "path": "file",
        "labels": "label",
    }


def test_a_given_name_wins_and_none_leaves_a_role_unused() -> None:
    names = ["label", "von", "end", "what", "file"]
    named = {"labels": "what", "start": "Von", "path": None, "end": ""}
    assert find_columns(names, named) == {"labels": "what", "start": "von"}


def test_a_role_or_a_column_that_is_not_there() -> None:
    with pytest.raises(SettingError, match=r"labels column 'wht' .*'what'\?.*file"):
        find_columns(["file", "what"], {"labels": "wht"})
    for column in ("file", None):
        with pytest.raises(SettingError, match=r"role of a column 'label' .*'labels'"):
            find_columns(["file"], {"label": column})


def test_what_is_needed() -> None:
    need_columns({"path": "file"}, ["path"], Path("t.csv"), ["file"])
    with pytest.raises(DataError, match=r"t\.csv: .* the labels; .* there are file, x"):
        need_columns({"path": "file"}, ["path", "labels"], Path("t.csv"), ["file", "x"])
