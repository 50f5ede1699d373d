import codecs
from pathlib import Path

import pytest

from sonotype.dataset.annotations.textgrid import is_textgrid, read_textgrid
from sonotype.errors import DataError
from sonotype.events import Event

AUDIO = Path("a.wav")
LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 2.5
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 2.5
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = ""
        intervals [2]:
            xmin = 0.5
            xmax = 1.25
            text = "say ""né"" "
        intervals [3]:
            xmin = 1.25
            xmax = 2.5
            text = "3"
    item [2]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 2.5
        points: size = 1
        points [1]:
            number = 1.75
            mark = "click"
"""
SHORT = """File type = "ooTextFile"
"TextGrid"

0
2.5
<exists>
2
"IntervalTier"
"words"
0
2.5
3
0
0.5
""
0.5
1.25
"say ""né"" "
1.25
2.5
"3"
"TextTier"
"clicks"
0
2.5
1
1.75
"click"
"""
WORDS = [Event(AUDIO, 'say "né"', 0.5, 1.25), Event(AUDIO, "3", 1.25, 2.5)]


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "a.TextGrid"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: codecs.BOM_UTF8 + text.encode(),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    ],
)
@pytest.mark.parametrize("text", [LONG, SHORT])
def test_both_formats_in_every_encoding(
    text: str, encode: "type[bytes]", tmp_path: Path
) -> None:
    path = write(tmp_path, encode(text))  # type: ignore[arg-type]
    assert list(read_textgrid(path, recording=AUDIO, tier="words")) == WORDS
    (click,) = read_textgrid(path, recording=AUDIO, tier="clicks")
    assert click == Event(AUDIO, "click", 1.75, 1.75)


def test_comments_and_other_words_are_for_people(tmp_path: Path) -> None:
    text = SHORT.replace("0.5\n1.25\n", '0.5 ! not "this" 7\n to 1.25 as said\n')
    path = write(tmp_path, text)
    assert list(read_textgrid(path, recording=AUDIO, tier="words")) == WORDS


def test_one_labelled_tier_need_not_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path, SHORT.replace('"click"', '" "'))
    assert list(read_textgrid(path, recording=AUDIO)) == WORDS
    assert len(read_textgrid(path, recording=AUDIO, tier="clicks")) == 0


def test_tiers_are_chosen_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, LONG)
    with pytest.raises(DataError, match=r"several tiers \('words', 'clicks'\); choose"):
        read_textgrid(path, recording=AUDIO)
    with pytest.raises(DataError, match=r"has no tiers called 'x'; its .*'words', 'c"):
        read_textgrid(path, recording=AUDIO, tier="x")
    path = write(tmp_path, LONG.replace('"clicks"', '"words"'))
    with pytest.raises(DataError, match="has 2 tiers called 'words'"):
        read_textgrid(path, recording=AUDIO, tier="words")


def test_no_tier_is_no_event(tmp_path: Path) -> None:
    for end in ("<absent>", "<exists> 0"):
        path = write(tmp_path, f'"ooTextFile" "TextGrid" 0 1 {end}')
        assert len(read_textgrid(path, recording=AUDIO)) == 0


def test_wrong_times_are_set_aside(tmp_path: Path) -> None:
    text = SHORT.replace("0.5\n1.25\n", "1.5\n1.25\n").replace("1.25\n2.5\n", "-1\n2\n")
    events = read_textgrid(write(tmp_path, text), recording=AUDIO, tier="words")
    assert [item.reason for item in events.rejected] == [
        "line 16: its time ends at 1.25 s, before it begins at 1.5 s",
        "line 19: its time -1 s is negative",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SHORT[:-20], "it ends where a number should come"),
        (
            SHORT.replace("<exists>\n2\n", "<exists>\n3\n"),
            "it ends where a text should",
        ),
        (SHORT.replace("<exists>\n2\n", f"<exists>\n{'9' * 5_000}\n"), "it ends where"),
        (SHORT.replace("<exists>\n2\n", "<exists>\n2.5\n"), "'2.5' is not a count"),
        (SHORT.replace("TextTier", "Pitch"), "'Pitch' is not a kind of tier"),
        (SHORT.replace("1.75\n", ""), "'click' stands where a number should"),
        (SHORT[:-2], "line 28: a text begins but never ends"),
        (SHORT.replace('"ooTextFile"', '"x" ooTextFile'), "'ooTextFile' should stand"),
    ],
)
def test_a_damaged_textgrid(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_textgrid(write(tmp_path, text), recording=AUDIO, tier="words")


@pytest.mark.parametrize("text", ["", "hello", 'File type = "ooTextFile"\n"Pitch 1"'])
def test_another_file(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a TextGrid in text; in Praat, save it"):
        read_textgrid(write(tmp_path, text), recording=AUDIO)
    assert not is_textgrid(text)
