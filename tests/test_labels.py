import pytest

from sonotype.errors import DataError, SettingError
from sonotype.labels import Labels


def test_labels_keep_their_order_and_find_positions() -> None:
    labels = Labels(("yes", "no", "stop"))
    assert list(labels) == ["yes", "no", "stop"]
    assert [labels.index(name) for name in labels] == [0, 1, 2]
    assert "no" in labels
    assert "go" not in labels


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ((), "no labels"),
        (("a", ""), "empty or padded"),
        (("a", "b "), "empty or padded"),
        (("a", "b", "a"), r"repeated: \['a'\]"),
    ],
)
def test_names_that_could_not_be_told_apart_are_refused(
    names: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(DataError, match=reason):
        Labels(names)


def test_an_unknown_label_names_the_nearest() -> None:
    with pytest.raises(SettingError, match=r"did you mean 'right'\?"):
        Labels(("left", "right")).index("rihgt")
