"""How long an MP3 is, which only some MP3 files say.

Most begin with a frame that counts the others ("Xing" or "Info"). For the rest
libsndfile divides the file's length by that of the first frame, which is far off where
the bit rate varies.
"""

import mmap
from pathlib import Path

from sonotype.errors import AudioError

# Kilobits a second by the index in a frame's header: MPEG 1, then 2 and 2.5.
_KILOBITS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = {
    3: (44_100, 48_000, 32_000),
    2: (22_050, 24_000, 16_000),
    0: (11_025, 12_000, 8_000),
}
_HAS_N_FRAMES, _HAS_N_BYTES = 1, 2


def count_mp3_samples(path: Path) -> int | None:
    """Return the samples of an MP3 that does not say how many it has.

    Args:
        path: A regular file that libsndfile takes for an MP3.

    Returns:
        Samples of one channel; `None` if the file has a count, which libsndfile reads,
        or is no layer III stream.

    Raises:
        AudioError: If the file is shorter than the length it states.

    References:
        ISO/IEC 11172-3, section 2.4.2.3 (frame header).
    """
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with content:
        first = _find_first_frame(content)
        if first is None:
            return None
        tag = _find_tag(content, first)
        if tag is None:
            return _count_samples(content, first)
        if tag[1] > len(content):
            raise AudioError(
                f"{path}: is cut short: its header promises {tag[1]} bytes, but "
                f"{len(content)} are there; get the whole file again"
            )
    return None


def _frame(content: mmap.mmap, at: int) -> tuple[int, int] | None:
    """Return the bytes and samples of the layer III frame at `at`, if there is one."""
    header = content[at : at + 4]
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, bit_rate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version not in _RATES_HZ or bit_rate in (0, 15) or rate == 3:
        return None
    n_samples = 1152 if version == 3 else 576
    bits_per_second = 1000 * _KILOBITS[version == 3][bit_rate]
    n_bytes = n_samples // 8 * bits_per_second // _RATES_HZ[version][rate]
    return n_bytes + (header[2] >> 1 & 1), n_samples


def _find_first_frame(content: mmap.mmap) -> int | None:
    at = 0
    if content[:3] == b"ID3":
        # The tag's length: four times seven bits.
        at = 10 + sum(byte << 7 * (3 - i) for i, byte in enumerate(content[6:10]))
    while (at := content.find(b"\xff", at)) >= 0:
        frame = _frame(content, at)
        # One match may be chance; a second one right after it is not.
        if frame and (at + frame[0] >= len(content) or _frame(content, at + frame[0])):
            return at
        at += 1
    return None


def _find_tag(content: mmap.mmap, first: int) -> tuple[int, int] | None:
    """Return the frames and bytes that the first frame says follow, if it does."""
    # The tag lies after the side information: 9 bytes, 17 or 32.
    for at in (first + 13, first + 21, first + 36):
        if content[at : at + 4] not in (b"Xing", b"Info"):
            continue
        flags, n_frames, n_bytes = (
            int.from_bytes(content[at + skip : at + skip + 4], "big")
            for skip in (4, 8, 12)
        )
        if flags & _HAS_N_FRAMES:
            return n_frames, n_bytes if flags & _HAS_N_BYTES else 0
    return None


def _count_samples(content: mmap.mmap, first: int) -> int:
    at, n_samples = first, 0
    while frame := _frame(content, at):
        if at + frame[0] > len(content):
            break
        at, n_samples = at + frame[0], n_samples + frame[1]
    return n_samples
