"""How many bytes of sound a file's header promises, and how many are there.

libsndfile reads what it finds: a WAV cut in half becomes a shorter WAV without a word.
Its log tells, but holds 2048 characters only, which one chunk of tags fills. So the few
header fields that matter are read here.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sonotype.errors import AudioError

# A program that writes to a pipe can't go back to fill in the length, so it leaves one
# of these: 0; about 2**31 (sox 0x7F000000 and 0x7FFFF000, arecord 2**31); about 2**32
# (ffmpeg). Some take the length of the header off, hence ranges.
_STREAMED = (
    range(1),
    range(0x7F00_0000, 0x8000_0001),
    range(0xFFFF_0000, 0x1_0000_0000),
)
_OGG_PAGE_MAX = 65_307  # 27 + 255 + 255 * 255 bytes, RFC 3533 section 6


@dataclass(frozen=True)
class Extent:
    """Where the sound of a file lies, in bytes.

    Args:
        start: First byte of the sound.
        promised: Bytes of sound by the header; `None` if it was left open.
        found: Bytes from `start` to the end of the file.
        block: Bytes that belong together: one sample of every channel.
        is_unfinished: The header was never filled in and says 0 bytes.
    """

    start: int
    promised: int | None
    found: int
    block: int = 1
    is_unfinished: bool = False


def find_extent(path: Path) -> Extent | None:
    """Return where the sound of a file lies, and check that all of it is there.

    Known here are WAV (RIFF, RIFX, RF64), W64, AIFF, AU, Ogg and NIST SPHERE.
    libsndfile itself refuses a shortened CAF; FLAC and MP3 are found out by decoding.

    Args:
        path: A regular file.

    Returns:
        The extent, or `None` for a container that states none.

    Raises:
        AudioError: If the file ends before its header says it does.
    """
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(0)
        find = _FINDERS.get(stream.read(4))
        extent = find(stream, size) if find else None
    if extent is None or extent.promised is None:
        return extent
    if extent.found // extent.block < extent.promised // extent.block:
        raise AudioError(
            f"{path}: is cut short: its header promises {extent.promised} bytes of "
            f"sound, but {max(extent.found, 0)} are there; get the whole file again"
        )
    return extent


def check_ogg(path: Path) -> None:
    """Check that an Ogg file ends with a whole page that says it is the last.

    Raises:
        AudioError: If it does not.

    References:
        RFC 3533, section 6: the Ogg page format.
    """
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - 2 * _OGG_PAGE_MAX))
        tail = stream.read()
    page = tail[tail.rfind(b"OggS") :]
    n_segments = page[26] if len(page) > 26 else 255
    n_bytes = 27 + n_segments + sum(page[27 : 27 + n_segments])
    is_last = len(page) > 5 and bool(page[5] & 4)
    if not is_last or len(page) < n_bytes:
        raise AudioError(
            f"{path}: is cut short: it ends without the page that closes an Ogg "
            "stream; get the whole file again"
        )


def _is_streamed(n_bytes: int) -> bool:
    return any(n_bytes in placeholders for placeholders in _STREAMED)


def _unpack(stream: BinaryIO, at: int, layout: str) -> tuple[int, ...]:
    stream.seek(at)
    content = stream.read(struct.calcsize(layout))
    # A header that ends early is libsndfile's to refuse; zeros promise nothing.
    return struct.unpack(layout, content.ljust(struct.calcsize(layout), b"\0"))


def riff_chunks(
    stream: BinaryIO, size: int, order: str
) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and length of each chunk of a RIFF or an AIFF file."""
    at = 12
    while at + 8 <= size:
        stream.seek(at)
        name, n_bytes = struct.unpack(f"{order}4sI", stream.read(8))
        yield name, at + 8, n_bytes
        at += 8 + n_bytes + n_bytes % 2


def _find_in_riff(stream: BinaryIO, size: int) -> Extent | None:
    stream.seek(0)
    magic = stream.read(4)
    order = ">" if magic == b"RIFX" else "<"
    (riff_bytes,) = _unpack(stream, 4, f"{order}I")
    block, long_bytes = 1, 0
    for name, start, n_bytes in riff_chunks(stream, size, order):
        if name == b"fmt ":
            (block,) = _unpack(stream, start + 12, f"{order}H")
        elif name == b"ds64":
            (long_bytes,) = _unpack(stream, start + 8, "<Q")
        elif name == b"data":
            found = size - start
            promised = long_bytes if magic == b"RF64" else n_bytes
            # A closed file may hold no sound, and other chunks after it.
            is_closed = start <= riff_bytes + 8 <= size + 1
            if promised == 0 and not is_closed and found > 0 and magic != b"RF64":
                return Extent(start, None, found, block or 1, is_unfinished=True)
            known = None if _is_streamed(promised) else promised
            return Extent(start, known, found, block or 1)
    return None


def _find_in_aiff(stream: BinaryIO, size: int) -> Extent | None:
    block = 1
    for name, start, n_bytes in riff_chunks(stream, size, ">"):
        if name == b"COMM":
            n_channels, _, n_bits = _unpack(stream, start, ">HIH")
            block = n_channels * (-(-n_bits // 8)) or 1
        elif name == b"SSND":
            # An offset and a block size, four bytes each, come before the sound.
            known = None if _is_streamed(n_bytes) else n_bytes - 8
            return Extent(start + 8, known, size - start - 8, block)
    return None


def _find_in_w64(stream: BinaryIO, size: int) -> Extent | None:
    at = 40
    while at + 24 <= size:
        stream.seek(at)
        name, n_bytes = struct.unpack("<16sQ", stream.read(24))
        if name[:4] == b"data":
            known = n_bytes - 24 if n_bytes > 24 else None
            return Extent(at + 24, known, size - at - 24)
        at += max(24, n_bytes + -n_bytes % 8)
    return None


def _find_in_au(stream: BinaryIO, size: int) -> Extent | None:
    stream.seek(0)
    order = "<" if stream.read(4) == b"dns." else ">"
    start, n_bytes = _unpack(stream, 4, f"{order}II")
    return Extent(start, None if _is_streamed(n_bytes) else n_bytes, size - start)


def _find_in_nist(stream: BinaryIO, size: int) -> Extent | None:
    stream.seek(0)
    text = stream.read(1024).decode("latin-1")
    fields = dict(re.findall(r"^(\w+) -i (\d+)", text, flags=re.MULTILINE))
    start = re.match(r"NIST_1A\s+(\d+)", text)
    if start is None or "sample_count" not in fields:
        return None
    block = int(fields.get("channel_count", 1)) * int(fields.get("sample_n_bytes", 2))
    n_bytes = int(fields["sample_count"]) * block
    return Extent(int(start[1]), n_bytes, size - int(start[1]), block or 1)


_FINDERS = {
    b"RIFF": _find_in_riff,
    b"RIFX": _find_in_riff,
    b"RF64": _find_in_riff,
    b"FORM": _find_in_aiff,
    b"riff": _find_in_w64,
    b".snd": _find_in_au,
    b"dns.": _find_in_au,
    b"NIST": _find_in_nist,
}
