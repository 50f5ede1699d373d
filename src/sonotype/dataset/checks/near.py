"""Pairs of recordings that are one recording, from their fingerprints.

Three sieves, each finer and dearer than the one before: equal words of the fingerprint
at one offset (an index, so the work grows with the number of files, not of pairs);
the share of bits that differ over the whole overlap; and the samples themselves.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sonotype.audio.io import read_audio
from sonotype.dataset.checks.fingerprint import (
    HOP_SAMPLES,
    HOP_SECONDS,
    N_BITS,
    RATE_HZ,
    Fingerprint,
)

# Files that share a word are paired with this many others that have it; copies are
# found through their rarer words.
_NEIGHBOURS = 16
_MOST_WORDS = 20_000_000
_FEWEST_VOTES = 2
# Unrelated recordings differ in 0.38 to 0.5 of their bits, takes of one word by one
# speaker in 0.13 or more, MP3s and cuts in 0.17 or less: a sieve, not a verdict. An
# edited copy differs in more, for it is aligned in places only, but a long one may.
_MOST_DIFFERENT = 0.32
_MOST_DIFFERENT_IF_SHORT = 0.22
_SHORT_FRAMES = round(2.0 / HOP_SECONDS)
_FEWEST_FRAMES = round(0.25 / HOP_SECONDS)
_FEWEST_FRAMES_OF_A_SHORT_FILE = 12
_SLACK_SAMPLES = 4 * HOP_SAMPLES
_COMPARED_SECONDS = 8.0
# In pieces, because recordings are edited: a pause taken out, other sound mixed in.
_PIECE_SECONDS = 0.5
# The samples of an MP3 correlate with their source by 0.9 or more; the nearest two
# takes of one word, among 3,000 of one speaker's fifty each, by 0.86.
_LEAST_CORRELATION = 0.9
_LEAST_SHARE_OF_PIECES = 0.25


@dataclass(frozen=True)
class Match:
    """Two recordings that hold the same sound.

    Args:
        first: Position of one recording.
        second: Position of the other, greater.
        offset_seconds: Where the second has what begins the first; negative if the
            second begins later.
        overlap_seconds: How long the sound is that both hold.
        gain_db: How much louder the second is.
        correlation: Of the samples where they agree, at 8 kHz, without its sign.
    """

    first: int
    second: int
    offset_seconds: float
    overlap_seconds: float
    gain_db: float
    correlation: float


@dataclass(frozen=True)
class Candidate:
    """Two recordings whose fingerprints agree at an offset, in frames."""

    first: int
    second: int
    offset: int
    n_votes: int


def find_candidates(fingerprints: Sequence[Fingerprint]) -> list[Candidate]:
    """Return the pairs whose fingerprints share words at one offset.

    Args:
        fingerprints: One a recording; an empty one matches nothing.

    Returns:
        At most one offset a pair, that with most words in common, sorted by pair.
    """
    words, owners, frames = _index(fingerprints)
    pairs, offsets = [], []
    for step in range(1, _NEIGHBOURS + 1):
        same = words[step:] == words[:-step]
        left, right = owners[:-step][same], owners[step:][same]
        pairs.append(left * len(fingerprints) + right)
        offsets.append(frames[step:][same] - frames[:-step][same])
    return _count_votes(np.concatenate(pairs), np.concatenate(offsets), fingerprints)


def differing_bits(
    first: Fingerprint, second: Fingerprint, offset: int
) -> tuple[float, int]:
    """Return the share of bits that differ where both are heard, and the frames.

    Args:
        first: One fingerprint.
        second: The other.
        offset: Frame of `second` that is the first frame of `first`.

    Returns:
        The share, from 0 to 1, and how many frames it was taken over. It is 1 over no
        frames if they are too few to tell.
    """
    start, end = max(0, -offset), min(len(first), len(second) - offset)
    if end <= start:
        return 1.0, 0
    there = slice(start + offset, end + offset)
    heard = first.heard[start:end] & second.heard[there]
    n_heard = int(heard.sum())
    shorter = min(int(first.heard.sum()), int(second.heard.sum()))
    needed = max(_FEWEST_FRAMES_OF_A_SHORT_FILE, min(_FEWEST_FRAMES, shorter // 2))
    if n_heard < needed:
        return 1.0, 0
    different = np.bitwise_count(first.bits[start:end] ^ second.bits[there])
    return float(different[heard].mean()) / N_BITS, n_heard


def compare_samples(
    paths: Sequence[Path], fingerprints: Sequence[Fingerprint], candidate: Candidate
) -> Match | None:
    """Return how two recordings match, or `None` if they do not.

    Args:
        paths: The recordings.
        fingerprints: One each.
        candidate: Which two, and where.

    Raises:
        AudioError: If one cannot be read any more.
    """
    first, second = (fingerprints[i] for i in (candidate.first, candidate.second))
    shares = {
        offset: differing_bits(first, second, offset)[0]
        for offset in range(candidate.offset - 1, candidate.offset + 2)
    }
    offset = min(shares, key=lambda at: (shares[at], abs(at - candidate.offset)))
    start, end = max(0, -offset), min(len(first), len(second) - offset)
    is_short = end - start < _SHORT_FRAMES
    if shares[offset] > (_MOST_DIFFERENT_IF_SHORT if is_short else _MOST_DIFFERENT):
        return None
    # The middle of the overlap; seconds are enough, for the bits agree over all of it.
    surplus = max(0, end - start - round(_COMPARED_SECONDS / HOP_SECONDS)) // 2
    here = _read(paths[candidate.first], len(first), start + surplus, end - surplus)
    there = _read(
        paths[candidate.second],
        len(second),
        start + surplus + offset,
        end - surplus + offset,
    )
    agreeing = _agreeing_pieces(here, there)
    if agreeing is None:
        return None
    correlation, lag, gain_db = agreeing
    return Match(
        first=candidate.first,
        second=candidate.second,
        offset_seconds=offset * HOP_SECONDS + lag / RATE_HZ,
        overlap_seconds=(end - start - 1) * HOP_SECONDS,
        gain_db=gain_db,
        correlation=correlation,
    )


def correlate(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Return the best correlation of two sounds that are nearly aligned.

    Args:
        first: Samples, shape `(n,)`.
        second: Samples, of about that length.

    Returns:
        The correlation without its sign, the lag of the second in samples, and how much
        louder the second is, in decibels.
    """
    n = min(len(first), len(second))
    # The slope, so that a common hum does not pass for a common recording.
    a, b = np.diff(first[:n]), np.diff(second[:n])
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(a, size).conj() * np.fft.rfft(b, size)
    # Four points a sample: two copies may be shifted by a part of one.
    products = 4 * np.fft.irfft(spectrum, 4 * size)
    reach = 4 * min(_SLACK_SAMPLES, n // 2)
    near = np.concatenate([products[-reach:], products[: reach + 1]])
    best = int(np.abs(near).argmax())
    lag = (best - reach) / 4
    begin, end = max(0, round(-lag)), min(n - 1, round(n - 1 - lag))
    power_a = float(np.square(a[begin:end], dtype=np.float64).sum())
    shifted = b[begin + round(lag) : end + round(lag)]
    power_b = float(np.square(shifted, dtype=np.float64).sum())
    if power_a == 0 or power_b == 0:
        return 0.0, 0.0, 0.0
    correlation = abs(float(near[best])) / np.sqrt(power_a * power_b)
    return min(1.0, float(correlation)), lag, 10 * float(np.log10(power_b / power_a))


def _agreeing_pieces(
    here: np.ndarray, there: np.ndarray
) -> tuple[float, float, float] | None:
    """Return correlation, lag and gain where two sounds agree, if they do enough."""
    n = min(len(here), len(there))
    n_pieces = max(1, round(n / (_PIECE_SECONDS * RATE_HZ)))
    edges = np.linspace(0, n, n_pieces + 1).astype(np.int64)
    pieces = np.array(
        [
            correlate(here[start:end], there[start:end])
            for start, end in itertools.pairwise(edges)
        ]
    )
    good = pieces[pieces[:, 0] >= _LEAST_CORRELATION]
    needed = 1 if n_pieces <= 2 else max(2, _LEAST_SHARE_OF_PIECES * n_pieces)
    if len(good) < needed:
        return None
    correlation, lag, gain_db = np.median(good, axis=0).tolist()
    return correlation, lag, gain_db


def _read(path: Path, n_frames: int, start: int, end: int) -> np.ndarray:
    """Return frames `start` to `end` of a recording at the fingerprint's rate."""
    if n_frames * HOP_SECONDS <= 2 * _COMPARED_SECONDS:
        return read_audio(path, RATE_HZ)[start * HOP_SAMPLES : end * HOP_SAMPLES]
    return read_audio(
        path, RATE_HZ, start_seconds=start * HOP_SECONDS, end_seconds=end * HOP_SECONDS
    )


def _index(
    fingerprints: Sequence[Fingerprint],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return word, recording and frame of all that is heard, sorted by word."""
    n_frames = sum(len(item) for item in fingerprints)
    # In a huge set, the same few words of every recording: chosen by their value, so
    # that two copies keep the same ones.
    keep_one_in = 1 + n_frames // _MOST_WORDS
    words, owners, frames = [], [], []
    for owner, item in enumerate(fingerprints):
        chosen = item.heard & (item.bits * np.uint32(2_654_435_761) % keep_one_in == 0)
        # A word once a recording, where it is first heard.
        found, at = np.unique(item.bits[chosen], return_index=True)
        words.append(found)
        owners.append(np.full(len(found), owner))
        frames.append(np.flatnonzero(chosen)[at])
    nothing = np.zeros(0, np.int64)
    joined = np.concatenate([*words, nothing.astype(np.uint32)])
    order = np.argsort(joined, kind="stable")
    return (
        joined[order],
        np.concatenate([*owners, nothing])[order],
        np.concatenate([*frames, nothing])[order],
    )


def _count_votes(
    pairs: np.ndarray, offsets: np.ndarray, fingerprints: Sequence[Fingerprint]
) -> list[Candidate]:
    order = np.lexsort((offsets, pairs))
    pairs, offsets = pairs[order], offsets[order]
    is_new = np.ones(len(pairs), np.bool_)
    is_new[1:] = (np.diff(pairs) != 0) | (np.diff(offsets) != 0)
    starts = np.flatnonzero(is_new)
    votes = np.diff(np.append(starts, len(pairs)))
    pairs, offsets = pairs[starts], offsets[starts]
    # Copies cut between two frames agree partly at one offset, partly at the next.
    together = votes.copy()
    adjacent = (np.diff(pairs) == 0) & (np.diff(offsets) == 1)
    together[:-1] += np.where(adjacent, votes[1:], 0)
    best: dict[int, Candidate] = {}
    for at in np.flatnonzero(together >= _FEWEST_VOTES):
        pair, n_votes = int(pairs[at]), int(together[at])
        if pair not in best or n_votes > best[pair].n_votes:
            first, second = divmod(pair, len(fingerprints))
            best[pair] = Candidate(first, second, int(offsets[at]), n_votes)
    return [best[pair] for pair in sorted(best)]
