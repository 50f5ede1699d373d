"""Put a clip into a room."""

from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from sonotype.augment.blocks import BLOCK, take_blocks, to_blocks
from sonotype.augment.checks import require_above_zero, require_range, require_rate
from sonotype.augment.draws import uniform_per_example
from sonotype.augment.frequency_domain import convolve
from sonotype.augment.random_layer import Drawn, RandomLayer
from sonotype.errors import SettingError

# The reflections of a made-up room start anywhere in this much noise.
NOISE_BLOCKS = 2**13
LEAST_ENERGY = 1e-20


@keras.saving.register_keras_serializable(package="sonotype")
class Reverb(RandomLayer):
    """Convolve each clip with the impulse response of a room.

    A made-up room is the direct sound, then noise that dies away evenly: how fast and
    how loud is drawn for each clip. Recorded responses are chosen with equal chances.
    A response has unit energy and its direct sound at the start, so a clip neither
    becomes louder nor later; what rings on past its end is lost.

    Args:
        sample_rate: Samples per second of the clips.
        decay_seconds: Least and greatest time in which a made-up room dies away by
            60 dB: 0.3 s is a bedroom, 1 s a hall.
        direct_db: Least and greatest level of the direct sound relative to all
            reflections of a made-up room; the farther, the lower.
        responses: Recorded impulse responses at the rate of the clips, of shape
            `(responses, samples)`, zeros after the shorter ones. `None` makes rooms.
        probability: Share of the clips that get a room.
        seed: Seed of the random numbers; `None` draws one.
        **layer_options: `name` and `dtype` of the layer.

    Raises:
        SettingError: If a range is none, the responses are not rows of finite samples
            or one of them is silent, or the probability is none.

    References:
        Polack, La transmission de l'énergie sonore dans les salles, 1988: late
        reverberation as Gaussian noise with an exponential envelope.

    Example:
        >>> layer = Reverb(16_000, (0.2, 0.4), seed=0)
        >>> tuple(layer(keras.ops.ones((2, 16_000)), training=True).shape)
        (2, 16000)
    """

    takes = "waveforms"

    def __init__(
        self,
        sample_rate: int,
        decay_seconds: Sequence[float] = (0.1, 0.6),
        *,
        direct_db: Sequence[float] = (0.0, 15.0),
        responses: np.ndarray | None = None,
        probability: float = 0.5,
        seed: int | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(probability=probability, seed=seed, **layer_options)
        require_rate(sample_rate)
        self.sample_rate = sample_rate
        self.decay_seconds = require_above_zero("decay_seconds", decay_seconds)
        self.direct_db = require_range("direct_db", direct_db)
        self._recorded = responses is not None
        bank = self._noise() if responses is None else prepared(responses)
        self.responses = self.add_weight(
            shape=bank.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(bank, dtype),
            trainable=False,
            name="responses",
        )

    def draw_parameters(self, examples: keras.KerasTensor) -> Drawn:
        """Draw the room of each clip."""
        shape = (ops.shape(examples)[0], 1)
        if self._recorded:
            n_responses = self.responses.shape[0]
            chosen = keras.random.randint(shape, 0, n_responses, seed=self._draws)
            return {"response": chosen}
        return {
            "decay_seconds": uniform_per_example(
                examples, *self.decay_seconds, self._draws
            ),
            "direct_db": uniform_per_example(examples, *self.direct_db, self._draws),
            "reflections": BLOCK
            * keras.random.randint(shape, 0, NOISE_BLOCKS, seed=self._draws),
        }

    def change(self, examples: keras.KerasTensor, drawn: Drawn) -> keras.KerasTensor:
        """Return the clips in their rooms."""
        if self._recorded:
            rooms = ops.take(self.responses, drawn["response"][:, 0], axis=0)
        else:
            rooms = self._made_up(examples.shape[1], drawn)
        return convolve(examples, rooms[:, : examples.shape[1]])

    def _made_up(self, n_clip_samples: int, drawn: Drawn) -> keras.KerasTensor:
        """Return a response for each clip, `(batch, samples)`."""
        longest = round(self.decay_seconds[1] * self.sample_rate)
        n_samples = max(2, min(longest, n_clip_samples))
        time = ops.arange(1, n_samples, dtype="float32") / self.sample_rate
        blocks = drawn["reflections"] // BLOCK + ops.arange(-(-n_samples // BLOCK))
        noise = take_blocks(to_blocks(self.responses), ops.mod(blocks, NOISE_BLOCKS))
        # 60 dB is a factor of a thousand in amplitude.
        envelope = ops.power(10.0, -3.0 * time / drawn["decay_seconds"])
        tail = noise[:, 1:n_samples] * envelope  # (batch, samples - 1)
        energy = ops.sum(ops.square(tail), axis=1, keepdims=True)
        share = ops.power(10.0, -drawn["direct_db"] / 10.0)
        tail = tail * ops.sqrt(share / ops.maximum(energy, LEAST_ENERGY))
        room = ops.concatenate([ops.ones_like(share), tail], axis=1)
        return room / ops.sqrt(1.0 + share)

    def _noise(self) -> np.ndarray:
        rng = np.random.default_rng(self.seed)
        return rng.standard_normal(NOISE_BLOCKS * BLOCK).astype(np.float32)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments; recorded responses only by their shape."""
        config = super().get_config()
        del config["responses"]
        shape = list(self.responses.shape) if self._recorded else None
        return {**config, "responses_shape": shape}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the layer again; recorded responses come back with its weights."""
        arguments = dict(config)
        shape = arguments.pop("responses_shape", None)
        if shape is None:
            return cls(**arguments)
        direct_only = np.zeros(shape, np.float32)
        direct_only[:, 0] = 1.0
        return cls(responses=direct_only, **arguments)


def prepared(responses: np.ndarray) -> np.ndarray:
    """Return responses with unit energy whose direct sound is at the start.

    Args:
        responses: Shape `(responses, samples)`.

    Raises:
        SettingError: If they are not rows of finite samples, or one is silent.

    Example:
        >>> prepared(np.array([[0.0, 0.0, 4.0, 3.0]]))
        array([[0.8, 0.6, 0. , 0. ]], dtype=float32)
    """
    if np.ndim(responses) != 2 or not np.size(responses):
        raise SettingError(
            "responses must be rows of samples, (responses, samples), not an array of "
            f"shape {np.shape(responses)}"
        )
    rows = np.asarray(responses, dtype=np.float64)
    energy = np.sum(rows**2, axis=1)
    if not np.isfinite(energy).all() or energy.min() < LEAST_ENERGY:
        raise SettingError(
            "responses must be finite and not silent; leave out response "
            f"{int(np.argmin(np.nan_to_num(energy, nan=0.0, posinf=0.0)))}"
        )
    out = np.zeros(rows.shape, np.float32)
    for row, source, total in zip(out, rows, energy, strict=True):
        direct = int(np.argmax(np.abs(source)))
        row[: len(source) - direct] = source[direct:] / np.sqrt(total)
    return out
