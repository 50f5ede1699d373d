from pathlib import Path

import pytest

from sonotype.clips import Clip, Clips
from sonotype.dataset.checks.labels import comparable, groups_per_class, label_findings
from sonotype.labels import Labels


def clip(name: str, label: str, group: str, *times: float | None) -> Clip:
    start, end = times or (None, None)
    return Clip(Path(name), (label,), group, start, end)


def found(clips: list[Clip], seconds: dict[str, float] | None = None) -> dict[str, str]:
    lengths = {Path(name): length for name, length in (seconds or {}).items()}
    findings = label_findings(Clips.of(clips), lengths)
    return {finding.kind: finding.message for finding in findings}


def balanced(*labels: str, n: int = 3) -> list[Clip]:
    return [
        clip(f"{label}{i}.wav", label, f"{label}{i}")
        for label in labels
        for i in range(n)
    ]


def test_a_good_table_has_nothing_wrong() -> None:
    assert found(balanced("no", "yes")) == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Dog", "dog"),
        ("dog bark", "dog_bark"),
        ("caf\u00e9", "cafe\u0301"),
        ("a-b", "A b"),
    ],
)
def test_labels_that_look_alike(one: str, other: str) -> None:
    message = found(balanced(one, other, "wren"))["similar-labels"]
    assert ascii(one) in message
    assert ascii(other) in message
    assert "wren" not in message


@pytest.mark.parametrize(("one", "other"), [("dog", "dogs"), ("1", "11"), ("o", "0")])
def test_labels_that_are_different(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


def test_a_class_with_too_few_groups() -> None:
    few = [clip(f"x{i}.wav", "wren", f"site{i % 2}") for i in range(20)]
    messages = found(balanced("no", "yes", n=20) + few)
    assert messages == {"class-too-small": "class 'wren': 20 clips in 2 groups"}


def test_groups_of_one_class() -> None:
    # Four sites, each with one species: the site gives the answer away.
    clips = [
        clip(f"{site}{i}.wav", "wren" if site < 3 else "robin", str(site))
        for site in range(6)
        for i in range(2)
    ]
    messages = found(clips)
    assert messages["one-class-groups"].startswith("6 of 6 groups")
    mixed = [clip(f"{i}.wav", "ab"[i % 2], str(i // 4)) for i in range(24)]
    assert "one-class-groups" not in found(mixed)


def test_imbalance() -> None:
    clips = balanced("no", n=30) + balanced("yes", n=3)
    assert found(clips) == {"imbalance": "'no' has 30 clips, 'yes' has 3"}
    assert found(balanced("no", n=29) + balanced("yes", n=3)) == {}


def test_the_same_interval_under_two_labels() -> None:
    base = balanced("no", "yes")
    assert "label-conflict" not in found([*base, clip("a.wav", "no", "a")])
    both = [clip("a.wav", label, "a", 1.0, 2.0) for label in ("no", "yes")]
    message = found(base + both, {"a.wav": 9.0})["label-conflict"]
    assert message == "a.wav: the same interval is listed under no / yes"
    apart = [both[0], clip("a.wav", "yes", "a", 2.0, 3.0)]
    assert "label-conflict" not in found(base + apart, {"a.wav": 9.0})


@pytest.mark.parametrize(
    "times",
    [(9.0, 11.0), (10.0, 10.5), (-1.0, 1.0), (3.0, 3.0), (4.0, 3.0), (12.0, None)],
)
def test_events_outside_their_file(times: tuple[float, float | None]) -> None:
    clips = [*balanced("no", "yes"), clip("a.wav", "no", "a", *times)]
    assert "1 events" in found(clips, {"a.wav": 10.0})["event-outside-file"]


@pytest.mark.parametrize(
    "times", [(0.0, 10.0), (9.0, 10.001), (3.0, None), (None, 4.0)]
)
def test_events_inside_their_file(times: tuple[float | None, float | None]) -> None:
    clips = [*balanced("no", "yes"), clip("a.wav", "no", "a", *times)]
    assert found(clips, {"a.wav": 10.0}) == {}


def test_events_shorter_than_a_frame() -> None:
    events = [
        clip("a.wav", "no", "a", 1.0, 1.0 + length) for length in (0.01, 0.02, 0.03)
    ]
    messages = found([*balanced("no", "yes"), *events], {"a.wav": 10.0})
    assert messages == {
        "event-shorter-than-frame": "2 events shorter than 25 ms; the shortest lasts "
        "10.0 ms"
    }


def test_groups_are_counted_by_class_also_with_several_labels() -> None:
    clips = Clips.of(
        [
            Clip(Path("a.wav"), ("no", "yes"), "x"),
            Clip(Path("b.wav"), ("no",), "y"),
            Clip(Path("c.wav"), (), "z"),
        ],
        Labels(("no", "yes", "never")),
    )
    assert groups_per_class(clips) == {"no": 2, "yes": 1, "never": 0}
    assert [finding.kind for finding in label_findings(clips, {})] == [
        "class-too-small",
        "class-too-small",
    ]
