from pathlib import Path

import pytest

from sonotype.dataset.checks.findings import (
    KINDS,
    SEVERITIES,
    count_by_severity,
    find,
    sorted_findings,
)


def test_every_kind_says_what_and_what_to_do() -> None:
    for name, kind in KINDS.items():
        assert kind.severity in SEVERITIES, name
        assert kind.title[0].islower() or kind.title.startswith("DC"), name
        assert kind.advice.endswith("."), name


def test_the_worst_come_first_and_the_order_does_not_depend_on_the_input() -> None:
    found = [
        find("clipped", "x", [Path("c.wav")]),
        find("duplicate", "x", [Path("b.wav"), Path("d.wav")]),
        find("duplicate", "x", [Path("a.wav")]),
        find("truncated", "x", [Path("z.wav")]),
    ]
    ordered = sorted_findings(found)
    assert [item.kind for item in ordered] == [
        "truncated",
        "duplicate",
        "duplicate",
        "clipped",
    ]
    assert len(ordered[1].paths) == 2
    assert sorted_findings(reversed(found)) == ordered
    assert count_by_severity(ordered) == {"error": 1, "warning": 2, "note": 1}


def test_a_finding_as_plain_values() -> None:
    plain = find("silent", "one file", [Path("a b.wav")]).to_dict()
    assert plain["paths"] == ["a b.wav"]
    assert plain["severity"] == "warning"


def test_an_unknown_kind_is_a_defect() -> None:
    with pytest.raises(KeyError, match="sillent"):
        find("sillent", "x")
