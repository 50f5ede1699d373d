"""A made-up sound in whatever FFmpeg can write."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

RATE = 48_000
N_SAMPLES = 3 * RATE + 777  # no whole number of packets
SECONDS = np.arange(N_SAMPLES) / RATE
# A tone that goes up, so that no two moments are alike; half of it is 16-bit as well.
SWEEP = np.rint(5_000 * np.sin(2 * np.pi * (200 + 300 * SECONDS) * SECONDS)) / 2**14
SOUND = np.stack([SWEEP, SWEEP / 2], axis=1).astype(np.float32)


def encode_av(path: Path, codec: str, **options: str) -> bytes:
    """Write `SOUND` into a file, and return its bytes."""
    import av  # an extra

    with av.open(str(path), "w", options=options) as container:
        stream: Any = container.add_stream(codec, rate=RATE, layout="stereo")
        if codec == "aac":
            # Or the decoder makes up noise, with other numbers each time it starts.
            stream.options = {"aac_pns": "0"}
        whole = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(SOUND.T), format="fltp", layout="stereo"
        )
        whole.sample_rate, whole.pts, whole.time_base = RATE, 0, Fraction(1, RATE)
        cutter = av.AudioResampler(
            stream.format.name, "stereo", RATE, stream.codec_context.frame_size or None
        )
        for frame in [*cutter.resample(whole), *cutter.resample(None), None]:
            container.mux(stream.encode(frame))
    return path.read_bytes()
