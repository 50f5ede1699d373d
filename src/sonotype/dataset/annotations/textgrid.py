"""TextGrids of Praat, in the long and the short text format."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sonotype.dataset.annotations.recordings import find_recording
from sonotype.dataset.annotations.text import EventCollector, to_number
from sonotype.dataset.text_file import read_text
from sonotype.errors import DataError
from sonotype.events import Event, Events

# Praat reads only free-standing numbers, texts in quotes and flags; whatever else is
# there, such as `xmin =` or `intervals [3]:`, is for people. That makes one grammar of
# the long and the short format. The groups are possessive: no text takes long to fail.
_TOKEN = re.compile(
    r"""
    (?P<text>"(?:[^"]++|"")*+")
    | (?P<open>")
    | (?P<comment>![^\n]*+)
    | (?P<flag><[^<>\s]*+>)
    | (?P<word>[^\s"]++)
    """,
    re.VERBOSE,
)
_NUMBER = re.compile(r"[-+]?[0-9.][0-9.eE+-]*%?")
_TIERS = ("IntervalTier", "TextTier")


@dataclass(frozen=True)
class _Mark:
    line: int
    start: str
    end: str
    label: str


@dataclass(frozen=True)
class _Tier:
    name: str
    marks: list[_Mark] = field(default_factory=list)


def is_textgrid(head: str) -> bool:
    """Return whether a file begins like a TextGrid in text."""
    return "ooTextFile" in head[:200] and '"TextGrid"' in head[:200]


def read_textgrid(
    path: Path | str, *, recording: Path | None = None, tier: str | None = None
) -> Events:
    """Return the intervals or points of one tier of a TextGrid.

    Args:
        path: A TextGrid saved as text, long or short; UTF-8, or UTF-16 with its mark.
        recording: The audio file; `None` takes the one the TextGrid is named after.
        tier: The name of the tier; may be `None` if only one has labels.

    Returns:
        The events in the order of time; intervals without a label are passed over, for
        that is how Praat stores what lies between two labels.

    Raises:
        DataError: If it is no such TextGrid, ends too early, has no such tier, or has
            several and none was chosen, or its recording is not found.
    """
    path = Path(path)
    text = read_text(path)
    if not is_textgrid(text):
        raise DataError(
            f"{path}: is not a TextGrid in text; in Praat, save it with 'Save as text "
            "file' or 'Save as short text file'"
        )
    chosen = _choose(_read_tiers(_Tokens(text, path)), tier, path)
    recording = find_recording(path) if recording is None else recording
    collector = EventCollector(path)
    for mark in chosen.marks:
        if mark.label:
            with collector.row(mark.line):
                start = to_number(mark.start, "start")
                end = to_number(mark.end, "end")
                collector.add(Event(recording, mark.label, start, end))
    return collector.events()


class _Tokens:
    """The numbers, texts and flags of a TextGrid, taken one by one."""

    def __init__(self, text: str, path: Path) -> None:
        self._path = path
        self._tokens = self._scan(text)
        self.line = 1

    def take(self, kind: str) -> str:
        """Return the next token, which must be a number, a text or a flag."""
        for found, value, line in self._tokens:
            self.line = line
            if found != kind:
                break
            return value
        else:
            raise self.error(f"it ends where a {kind} should come")
        raise self.error(f"{value[:40]!r} stands where a {kind} should")

    def error(self, what: str) -> DataError:
        """Return the error for what is wrong where the last token stands."""
        return DataError(
            f"{self._path}: is not a whole TextGrid: line {self.line}: {what}; save "
            "it from Praat again"
        )

    def count(self) -> int:
        """Return the next token, which must be a count."""
        value = self.take("number")
        if not value.isascii() or not value.isdigit():
            raise self.error(f"{value[:40]!r} is not a count")
        # Longer ones are no counts, and slow to convert.
        return int(value[:18])

    def _scan(self, text: str) -> Iterator[tuple[str, str, int]]:
        line, seen = 1, 0
        for token in _TOKEN.finditer(text):
            line += text.count("\n", seen, token.start())
            seen = token.start()
            value = token[0]
            if token.lastgroup == "open":
                raise DataError(
                    f"{self._path}: line {line}: a text begins but never ends; save "
                    "the TextGrid from Praat again"
                )
            if token.lastgroup == "text":
                yield "text", value[1:-1].replace('""', '"').strip(), line
            elif token.lastgroup == "flag":
                yield "flag", value, line
            elif token.lastgroup == "word" and _NUMBER.fullmatch(value):
                yield "number", value, line


def _read_tiers(tokens: _Tokens) -> list[_Tier]:
    for header in ("ooTextFile", "TextGrid"):
        if not tokens.take("text").startswith(header):
            raise tokens.error(f"{header!r} should stand here")
    tokens.take("number")
    tokens.take("number")
    if tokens.take("flag") != "<exists>":
        return []
    return [_read_tier(tokens) for _ in _counted(tokens)]


def _read_tier(tokens: _Tokens) -> _Tier:
    kind = tokens.take("text")
    if kind not in _TIERS:
        raise tokens.error(f"{kind[:40]!r} is not a kind of tier")
    tier = _Tier(tokens.take("text"))
    tokens.take("number")
    tokens.take("number")
    for _ in _counted(tokens):
        start = tokens.take("number")
        line = tokens.line
        end = tokens.take("number") if kind == "IntervalTier" else start
        tier.marks.append(_Mark(line, start, end, tokens.take("text")))
    return tier


def _counted(tokens: _Tokens) -> range:
    """Return a range as long as the next token says; a lie ends with the tokens."""
    return range(tokens.count())


def _choose(tiers: list[_Tier], name: str | None, path: Path) -> _Tier:
    names = ", ".join(repr(tier.name) for tier in tiers) or "none"
    if name is not None:
        found = [tier for tier in tiers if tier.name == name]
        if len(found) != 1:
            raise DataError(
                f"{path}: has {len(found) or 'no'} tiers called {name!r}; its tiers "
                f"are: {names}"
            )
        return found[0]
    labelled = [tier for tier in tiers if any(mark.label for mark in tier.marks)]
    if len(labelled) > 1:
        raise DataError(f"{path}: has several tiers ({names}); choose one by its name")
    return labelled[0] if labelled else _Tier("")
