"""Every nasty audio file we know of, and what must become of each.

    python tests/nasty_files.py FOLDER

writes them all into `FOLDER/nasty` and prints what must happen: `sonotype check FOLDER`
must say the same. Nothing of sonotype is used here. Headers are put together by hand;
nearly all files hold the same sound, `SOUND`, so what must be read is known.
"""

import os
import stat
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

SAMPLE_RATE = 8_000
N_SAMPLES = 4_001
_SECONDS = np.arange(N_SAMPLES) / SAMPLE_RATE
# A tone that goes up: no two moments are alike, and every codec can follow it.
_PHASE = 2 * np.pi * (300 + 400 * _SECONDS) * _SECONDS
PCM = np.rint(9_000 * np.sin(_PHASE)).astype("<i2")
SOUND = PCM / 2**15

_PCM, _FLOAT, _A_LAW, _LAYER3, _EXTENSIBLE = 1, 3, 6, 0x55, 0xFFFE
# What follows the format's number in the GUIDs of WAVE_FORMAT_EXTENSIBLE.
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")

NOT_AUDIO = "is not audio in a format that can be read here"
CUT = "is cut short"
DAMAGED = "its header is damaged|it is damaged"
NO_SOUND = "No 'data' chunk marker"


@dataclass(frozen=True)
class NastyFile:
    """A file, and what must become of it.

    Args:
        name: Its path below the folder; a byte that is no text is a lone surrogate.
        content: Its bytes, or what makes it at a path.
        samples: What must be read; `None` if it must be set aside.
        worst: How far a sample may be off.
        reason: Why it must be set aside, as a regular expression.
    """

    name: str
    content: bytes | Callable[[Path], object]
    samples: np.ndarray | None = None
    worst: float = 0.0
    reason: str = ""

    def __str__(self) -> str:
        if self.samples is None:
            return f"{self.name!a}: set aside, because it {self.reason!r}"
        return f"{self.name!a}: {len(self.samples)} samples, {self.worst:g} off at most"

    def write(self, folder: Path) -> None:
        """Make it below a folder."""
        path = folder / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(self.content, bytes):
            path.write_bytes(self.content)
        else:
            self.content(path)


def read(
    name: str, content: bytes | Callable[[Path], object], worst: float = 0.0
) -> NastyFile:
    """Return a file that must be read as `SOUND`."""
    return NastyFile(name, content, SOUND, worst)


def refuse(
    name: str, content: bytes | Callable[[Path], object], reason: str
) -> NastyFile:
    """Return a file that must be set aside."""
    return NastyFile(name, content, reason=reason)


def chunk(name: bytes, body: bytes, *, pad: bytes = b"\0") -> bytes:
    """Return a chunk of a RIFF file; one of odd length is padded."""
    return name + struct.pack("<I", len(body)) + body + pad * (len(body) % 2)


def riff(*chunks: bytes, magic: bytes = b"RIFF") -> bytes:
    """Return a WAV file of these chunks."""
    body = b"WAVE" + b"".join(chunks)
    return magic + struct.pack("<I", len(body)) + body


def fmt(
    n_bits: int = 16, tag: int = _PCM, n_channels: int = 1, tail: bytes = b""
) -> bytes:
    """Return the chunk that says how samples are stored."""
    block = n_channels * n_bits // 8
    rates = SAMPLE_RATE, SAMPLE_RATE * block
    head = struct.pack("<HHIIHH", tag, n_channels, *rates, block, n_bits)
    return chunk(b"fmt ", head + tail)


def extensible(n_bits: int, n_valid: int, tag: int, n_channels: int = 1) -> bytes:
    """Return the same in the longer form."""
    tail = struct.pack("<HHIH", 22, n_valid, (1 << n_channels) - 1, tag) + _GUID_TAIL
    return fmt(n_bits, _EXTENSIBLE, n_channels, tail)


def data(samples: np.ndarray = PCM, *, pad: bytes = b"\0") -> bytes:
    """Return the chunk that holds the samples."""
    return chunk(b"data", samples.tobytes(), pad=pad)


def pcm24(shift: int = 0) -> np.ndarray:
    """Return the sound in three bytes a sample, or in four with nothing in the last."""
    wide = PCM.astype("<i4") << (8 + shift)
    return wide.view(np.uint8).reshape(-1, 4)[:, : 4 if shift else 3].copy()


def spread(n_channels: int) -> np.ndarray:
    """Return channels whose mean is the sound; none of them is."""
    offsets = 700 * (np.arange(n_channels) - (n_channels - 1) / 2)
    return (PCM[:, None] + offsets).astype("<i2")


def a_law(codes: np.ndarray) -> np.ndarray:
    """Return what bytes of A-law mean, by ITU-T G.711, as float in -1..1."""
    codes = codes.astype(int) ^ 0x55
    exponent, mantissa = codes >> 4 & 7, codes & 15
    high = (2 * mantissa + 33) << np.maximum(exponent - 1, 0)
    steps = np.where(exponent == 0, 2 * mantissa + 1, high)
    return np.where(codes & 0x80, steps, -steps) / 2**12


def encoded(container: str, encoding: str | None = None, **options: Any) -> bytes:
    """Return the sound in a format that needs an encoder."""
    file, samples = BytesIO(), SOUND if encoding == "FLOAT" else PCM
    named = {"format": container, "subtype": encoding}
    soundfile.write(file, samples, SAMPLE_RATE, **named, **options)
    return file.getvalue()


def mp3() -> bytes:
    """Return the sound as MP3 of a high bit rate."""
    return encoded("MP3", bitrate_mode="CONSTANT", compression_level=0.0)


def id3() -> bytes:
    """Return a tag as music players put it before any file."""
    # Its length is 2 * 2**7 + 44; what it holds looks like frames of MP3.
    return b"ID3\x03\0\0\0\0\2\x2c" + b"\xff\xfb\x90\0" * 75


def wav_files() -> Iterator[NastyFile]:
    """Yield the same sound in all that is called WAV."""
    bext = chunk(b"bext", bytes(602) + b"A=PCM,F=8000")
    tags = chunk(b"LIST", b"INFO" + chunk(b"ICMT", b"x" * 100) * 40)
    six = spread(6)
    yield read("plain.wav", riff(fmt(), data()))
    yield read("capitals.WAV", riff(fmt(), data()))
    yield read("stereo.wav", riff(fmt(n_channels=2), data(spread(2))))
    yield read("six channels.wav", riff(extensible(16, 16, _PCM, 6), data(six)))
    yield read("extensible.wav", riff(extensible(16, 16, _PCM), data()))
    yield read("extensible 24.wav", riff(extensible(24, 24, _PCM), data(pcm24())))
    yield read("24 in 32 bits.wav", riff(extensible(32, 24, _PCM), data(pcm24(8))))
    floats = extensible(32, 32, _FLOAT), data(SOUND.astype("<f4"))
    yield read("extensible float.wav", riff(*floats))
    yield read("24 bits.wav", riff(fmt(24), data(pcm24())))
    yield read("32 bits.wav", riff(fmt(32), data(PCM.astype("<i4") << 16)))
    yield read("float32.wav", riff(fmt(32, _FLOAT), data(SOUND.astype("<f4"))))
    yield read("float64.wav", riff(fmt(64, _FLOAT), data(SOUND.astype("<f8"))))
    eight, coarse = ((PCM >> 8) + 128).astype(np.uint8), (PCM >> 8) / 2**7
    yield NastyFile("8 bits, odd.wav", riff(fmt(8), data(eight)), coarse)
    unpadded = riff(fmt(8), data(eight, pad=b""))
    yield NastyFile("8 bits, no pad.wav", unpadded, coarse)
    codes = np.random.default_rng(0).integers(0, 256, N_SAMPLES).astype(np.uint8)
    coded = riff(fmt(8, _A_LAW), chunk(b"fact", bytes(4)), data(codes))
    yield NastyFile("a-law.wav", coded, a_law(codes))
    layer3 = struct.pack("<HHIHHH", 12, 1, 2, 72, 1, 1393)
    in_riff = riff(fmt(0, _LAYER3, tail=layer3), chunk(b"data", mp3()))
    yield read("mp3 in riff.wav", in_riff, 0.02)
    yield read("junk first.wav", riff(chunk(b"JUNK", bytes(92)), fmt(), data()))
    yield read("bext first.wav", riff(bext, fmt(), data()))
    yield read("tags first.wav", riff(tags, fmt(), data()))
    yield read("odd chunk.wav", riff(chunk(b"note", b"odd"), fmt(), data()))
    # Not even libsndfile finds the next chunk then.
    shifted = riff(chunk(b"note", b"odd", pad=b""), fmt(), data())
    yield refuse("odd chunk, no pad.wav", shifted, NO_SOUND)
    yield read("tags last.wav", riff(fmt(), data(), tags))
    yield read("rubbish after it.wav", riff(fmt(), data()) + b"rubbish")
    yield read("id3 first.wav", id3() + riff(fmt(), data()))


def long_and_left_open() -> Iterator[NastyFile]:
    """Yield files whose lengths are in other places, or nowhere."""
    n_bytes = PCM.nbytes
    header = riff(fmt(), b"data")
    for size in (0, 0x7FFF_FFFF, 0xFFFF_FFFF):
        open_end = b"RIFF" + struct.pack("<I", size) + header[8:]
        content = open_end + struct.pack("<I", size) + PCM.tobytes()
        yield read(f"left open {size:x}.wav", content)
    sizes = struct.pack("<QQQI", n_bytes + 72, n_bytes, N_SAMPLES, 0)
    body = chunk(b"ds64", sizes) + fmt() + b"data\xff\xff\xff\xff" + PCM.tobytes()
    yield read("rf64.wav", b"RF64\xff\xff\xff\xffWAVE" + body)
    yield refuse("bw64.wav", b"BW64\xff\xff\xff\xffWAVE" + body, NOT_AUDIO)
    yield refuse(
        "more than there is.wav", header + struct.pack("<I", 2**30) + PCM.tobytes(), CUT
    )
    piped = bytearray(encoded("FLAC"))
    piped[21] &= 0xF0
    piped[22:26] = bytes(4)
    yield read("piped.flac", bytes(piped))


def other_formats() -> Iterator[NastyFile]:
    """Yield the same sound in other containers, also under a wrong name."""
    yield read("rifx.wav", encoded("WAV", "PCM_16", endian="BIG"))
    yield read("a.flac", encoded("FLAC"))
    yield read("24 bits.FLAC", encoded("FLAC", "PCM_24"))
    yield read("id3 first.flac", id3() + encoded("FLAC"))
    yield read("vorbis.ogg", encoded("OGG", "VORBIS", compression_level=0.0), 0.05)
    yield read("opus.ogg", encoded("OGG", "OPUS", compression_level=0.0), 0.05)
    yield read("a.opus", encoded("OGG", "OPUS", compression_level=0.0), 0.05)
    yield read("a.mp3", mp3(), 0.02)
    yield read("id3 first.mp3", id3() + mp3(), 0.02)
    yield read("id3 last.mp3", mp3() + b"TAG" + bytes(125), 0.02)
    yield read("a.aif", encoded("AIFF"))
    yield read("little-endian.aifc", encoded("AIFF", "PCM_16", endian="LITTLE"))
    yield read("float.aiff", encoded("AIFF", "FLOAT"))
    yield read("id3 first.aiff", id3() + encoded("AIFF"))
    yield read("a.au", encoded("AU"))
    yield read("a.caf", encoded("CAF"))
    yield read("a.w64", encoded("W64"))
    yield read("a.rf64", encoded("RF64"))
    yield read("mp3 called.wav", mp3(), 0.02)
    yield read("wav called.mp3", riff(fmt(), data()))
    yield read("flac called.ogg", encoded("FLAC"))


def broken_files() -> Iterator[NastyFile]:
    """Yield what is no sound, or says impossible things about it."""
    pcm, wave = data(), fmt()
    yield refuse("empty.wav", b"", r"is empty \(0 bytes\)")
    yield refuse("one byte.wav", b"R", NOT_AUDIO)
    yield refuse("zeros.wav", bytes(5_000), NOT_AUDIO)
    yield refuse("text.wav", b"these are words, not sound\n" * 99, NOT_AUDIO)
    yield refuse("page.mp3", b"<!DOCTYPE html>\n<title>404</title>\n" * 50, DAMAGED)
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 44\n"
    yield refuse("pointer.flac", pointer, NOT_AUDIO)
    yield refuse("header alone.m4a", b"\0\0\0\x20ftypM4A ", "cannot be read|PyAV")
    yield refuse("only a tag.mp3", id3(), DAMAGED)
    yield refuse("no sound.wav", riff(wave, data(PCM[:0])), "holds no sound: 0 samples")
    yield refuse("no format.wav", riff(pcm), NO_SOUND)
    yield refuse("no data.wav", riff(wave), NO_SOUND)
    yield refuse("no channel.wav", riff(fmt(n_channels=0), pcm), DAMAGED)
    yield refuse("no bits.wav", riff(fmt(0), pcm), DAMAGED)
    yield refuse("odd encoding.wav", riff(fmt(16, 0x1234), pcm), DAMAGED)
    no_rate = bytearray(riff(wave, pcm))
    no_rate[24:28] = bytes(4)
    yield refuse("no rate.wav", bytes(no_rate), DAMAGED)
    long_tag = riff(b"LIST" + struct.pack("<I", 2**31 - 9), wave, pcm)
    yield refuse("endless tag.wav", long_tag, NO_SOUND)
    for name, value in (("nan", np.nan), ("infinite", np.inf)):
        samples = SOUND.astype("<f4")
        samples[123] = value
        content = riff(fmt(32, _FLOAT), data(samples))
        yield refuse(f"{name}.wav", content, f"sample 123 is {value}, not a finite")


def cut_files() -> Iterator[NastyFile]:
    """Yield files that end too early: a WAV at every chunk, others half-way."""
    parts = {
        "riff": b"RIFF\0\0\0\0WAVE",
        "junk": chunk(b"JUNK", bytes(28)),
        "bext": chunk(b"bext", bytes(602)),
        "note": chunk(b"note", b"odd"),
        "fmt": fmt(),
        "fact": chunk(b"fact", struct.pack("<I", N_SAMPLES)),
        "tags": chunk(b"LIST", b"INFO" + chunk(b"ICMT", b"x" * 100) * 40),
        "data": data(),
        "last": chunk(b"id3 ", id3()),
    }
    whole = riff(*list(parts.values())[1:])
    end = 0
    for name, part in parts.items():
        start, end = end, end + len(part)
        for where, at in (("half", (start + end) // 2), ("after", end)):
            is_whole = name == "last" or (name, where) == ("data", "after")
            make = read if is_whole else refuse
            reason = CUT if name == "data" else f"{NO_SOUND}|{NOT_AUDIO}"
            rest = () if is_whole else (reason,)
            yield make(f"cut {where} {name}.wav", whole[:at], *rest)
    cut_in_tagged = (id3() + riff(fmt(), data()))[:-2_000]
    yield refuse("cut, id3 first.wav", cut_in_tagged, CUT)
    for container in ("AIFF", "AU", "CAF", "FLAC", "MP3", "OGG", "W64", "RF64"):
        content = encoded(container)
        suffix = container.lower()
        short = content[: len(content) // 2]
        yield refuse(f"cut half.{suffix}", short, f"{CUT}|{DAMAGED}")


def odd_names() -> Iterator[NastyFile]:
    """Yield good files with names that trip programs up."""
    content = riff(fmt(), data())
    for stem in (
        *(
            " space ",
            "'quote\"",
            "new\nline",
            "tab\tbell\a",
            "-dash",
            "--help",
            "$HOME",
        ),
        *("a*?[1]", "[bold]x[/bold]", "%s {0}", "back\\slash", "com,ma;", "a" * 251),
        *(
            "\u00e9",
            "e\u0301",
            "\u4e2d\u6587",
            "\U0001f426",
            "\u202egnp",
            "a.b..",
            "#1&2",
        ),
    ):
        yield read(f"names/{stem}.wav", content)
    # Their labels are their folder, so these are set aside for the name alone.
    not_text = "its name is not valid UTF-8; rename it"
    yield refuse("names/\udcff.wav", content, not_text)
    yield refuse("\udce9t\udce9/in a folder.wav", content, not_text)


def odd_places() -> Iterator[NastyFile]:
    """Yield links, pipes, sockets, folders and what may not be read."""
    content = riff(fmt(), data())
    yield refuse("x.wav", lambda path: path.mkdir(), "is a folder")
    yield read("x.wav/inside.wav", content)
    yield read("link.wav", lambda path: path.symlink_to("plain.wav"))
    yield read(
        "hard link.wav", lambda path: path.hardlink_to(path.parent / "plain.wav")
    )
    yield refuse("loose link.wav", lambda path: path.symlink_to("gone"), "no such file")
    loop = "Too many levels of symbolic links"
    yield refuse("loop.wav", lambda path: path.symlink_to("loop.wav"), loop)
    yield refuse("there.wav", lambda path: path.symlink_to("back.wav"), loop)
    yield refuse("back.wav", lambda path: path.symlink_to("there.wav"), loop)
    up = "is a folder|is the same folder as"
    yield refuse("up", lambda path: path.symlink_to("..", True), up)
    yield refuse("self.wav", lambda path: path.symlink_to(".", True), up)
    no_file = "is not a regular file"
    yield refuse("endless.wav", lambda path: path.symlink_to("/dev/zero"), no_file)
    yield refuse("pipe.wav", os.mkfifo, no_file)
    yield refuse("pipe.mp3", lambda path: path.symlink_to("pipe.wav"), no_file)
    yield refuse("socket.wav", lambda path: os.mknod(path, stat.S_IFSOCK), no_file)

    def lock(path: Path) -> None:
        path.write_bytes(content)
        path.chmod(0)

    if os.geteuid() == 0:  # root may read anything
        yield read("locked.wav", lock)
    else:
        yield refuse("locked.wav", lock, "Permission denied")


def nasty_files() -> list[NastyFile]:
    """Return all of them, in an order in which they can be made."""
    return [
        *wav_files(),
        *long_and_left_open(),
        *other_formats(),
        *broken_files(),
        *cut_files(),
        *odd_names(),
        *odd_places(),
    ]


def write_all(folder: Path) -> list[NastyFile]:
    """Make every file below a folder; return those that the disk lets us make."""
    made = []
    for file in nasty_files():
        try:
            file.write(folder)
        except OSError as error:  # macOS refuses names that are no text, for one
            print(f"{file.name!a} cannot be made here: {error}", file=sys.stderr)
        else:
            made.append(file)
    return made


if __name__ == "__main__":
    for nasty in write_all(Path(sys.argv[1]) / "nasty"):
        print(nasty)
