"""When and where a recording was made, as its name or its header tells."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from pathlib import Path

from sonotype.audio.container import riff_chunks

# Song Meter, AudioMoth, Frontier Labs and many others: 20240131_053000, with a T, a $
# or a hyphen between day and time, and perhaps the zone after it.
_IN_NAME = re.compile(
    r"(?<!\d)(?P<day>\d{8})[-_T$](?P<time>\d{6})(?P<zone>Z|[+-]\d{4})?(?!\d)"
)
# AudioMoths before 2019: the seconds since 1970, in hexadecimal.
_HEX_NAME = re.compile(r"[0-9A-F]{8}")
# The first AudioMoths were sold in 2017.
_HEX_YEARS = range(2017, 2030)
_AUDIOMOTH = re.compile(
    r"Recorded at (\d\d:\d\d:\d\d \d\d/\d\d/\d{4}) \(UTC(?:([+-]\d+)(?::(\d\d))?)?\)"
)
_GUANO = re.compile(r"^Timestamp:\s*(\S+(?: \S+)?)\s*$", re.MULTILINE)
# A comment or a GUANO chunk is a kilobyte at most; a chunk of that name that is longer
# is something else.
_MOST_BYTES = 2**16
# Where the header does not say how long the sound is, each eight zeros look like one.
_MOST_CHUNKS = 64
# What Song Meters put between the site and the time: channels, or the name of a card.
_CHANNELS = re.compile(r"_(\d\+\d|\+\d|\d\+)$")


def recorded_at(path: Path | str) -> datetime | None:
    """Return when a recording begins, `None` if nothing tells.

    In this order: the comment of an AudioMoth, GUANO metadata, the file's name, the
    broadcast extension (bext) of a WAV. A recorder's own words come before the name,
    for they tell the time zone; bext comes last, for an editor writes there when it
    has exported the file.

    Args:
        path: An audio file; it need not be whole.

    Returns:
        With its time zone where that is told, else as the recorder's clock showed it.

    References:
        AudioMoth firmware (header comment "Recorded at ..."); guano-spec 1.0;
        EBU Tech 3285 (bext); Wildlife Acoustics, Song Meter user guides.

    Example:
        >>> recorded_at("HILL_20240131_053000.wav").isoformat()
        '2024-01-31T05:30:00'
        >>> recorded_at("HILL_20240131_053000+0100.wav").isoformat()
        '2024-01-31T05:30:00+01:00'
        >>> recorded_at("5BCC6A00.WAV").isoformat()
        '2018-10-21T11:58:56+00:00'
    """
    path = Path(path)
    chunks = _read_chunks(path)
    return (
        _from_comment(chunks.get("ICMT", ""))
        or _from_guano(chunks.get("guan", ""))
        or _from_name(path)
        or _from_bext(chunks.get("bext", ""))
    )


def recording_site(path: Path | str) -> str:
    """Return where a recording was made: what its name says, else its folder's name.

    A Song Meter writes the site's name before the time.

    Args:
        path: An audio file; it is not opened.

    Example:
        >>> recording_site("2024/HILL_20240131_053000.wav")
        'HILL'
        >>> recording_site("hill/20240131_053000.WAV")
        'hill'
    """
    path = Path(path)
    found = _IN_NAME.search(path.stem)
    before = path.stem[: found.start()] if found else ""
    named = _CHANNELS.sub("", before.rstrip("-_ "))
    return named or path.absolute().parent.name


def _from_name(path: Path) -> datetime | None:
    found = _IN_NAME.search(path.stem)
    if found:
        text = found["day"] + found["time"]
        zone = found["zone"]
        return _parse(text + (zone or ""), "%Y%m%d%H%M%S" + ("%z" if zone else ""))
    if _HEX_NAME.fullmatch(path.stem):
        time = datetime.fromtimestamp(int(path.stem, 16), UTC)
        return time if time.year in _HEX_YEARS else None
    return None


def _from_comment(comment: str) -> datetime | None:
    found = _AUDIOMOTH.search(comment)
    time = _parse(found[1], "%H:%M:%S %d/%m/%Y") if found else None
    if found is None or time is None:
        return None
    hours, minutes = int(found[2] or 0), int(found[3] or 0)
    offset = timedelta(hours=hours, minutes=-minutes if hours < 0 else minutes)
    is_zone = abs(offset) < timedelta(hours=24)
    return time.replace(tzinfo=timezone(offset)) if is_zone else None


def _from_guano(text: str) -> datetime | None:
    found = _GUANO.search(text)
    try:
        return datetime.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def _from_bext(text: str) -> datetime | None:
    # After a description of 256 characters, the originator and its reference.
    day, time = text[320:330], text[330:338]
    digits = re.sub(r"\D", "", day) + re.sub(r"\D", "", time)
    return _parse(digits, "%Y%m%d%H%M%S")


def _parse(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


def _read_chunks(path: Path) -> dict[str, str]:
    """Return the chunks of a WAV that may tell the time, as text."""
    try:
        return dict(_texts(path))
    except OSError:
        return {}


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(0)
        if stream.read(4) not in (b"RIFF", b"RF64"):
            return
        for name, start, n_bytes in islice(
            riff_chunks(stream, size, "<"), _MOST_CHUNKS
        ):
            if n_bytes > _MOST_BYTES or name not in (b"LIST", b"bext", b"guan"):
                continue
            stream.seek(start)
            content = stream.read(n_bytes)
            if name == b"LIST":
                yield "ICMT", _comment(content)
            else:
                yield name.decode(), content.decode(errors="replace")


def _comment(content: bytes) -> str:
    """Return the comment in a list of INFO, empty if there is none."""
    at = content.find(b"ICMT")
    if content[:4] != b"INFO" or at < 0:
        return ""
    n_bytes = int.from_bytes(content[at + 4 : at + 8], "little")
    return content[at + 8 : at + 8 + n_bytes].split(b"\0")[0].decode(errors="replace")
