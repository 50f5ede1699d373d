"""What every network that is trained from scratch keeps, whatever it computes.

A new one is covered once it has an entry in `CASES`.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from sonotype.errors import SettingError
from sonotype.exporters.litert import to_litert
from sonotype.frontend.log_mel import LogMel
from sonotype.models.classifier import build_classifier
from sonotype.models.table import BACKBONES

RATE = 8_000
N_BANDS = 40
N_STEPS = 100


@dataclass(frozen=True)
class Case:
    """A network, and the options that make it small enough for a test.

    Args:
        network: Its name in the table.
        options: Every one of them given, so that none is missed.
        map_of_65_frames: Frames, bands and channels that it makes of 65 frames of 40
            bands, worked out by hand.
        refused: Wrong options, and what is said about them.
    """

    network: str
    options: dict[str, Any]
    map_of_65_frames: tuple[int, int, int]
    refused: list[tuple[dict[str, Any], str]] = field(default_factory=list)

    @property
    def build(self) -> Callable[..., keras.Model]:
        """From the shape of a clip's features, and options, to the network."""
        return BACKBONES[self.network].build


CASES = {
    "bc_resnet": Case(
        "bc_resnet",
        {"tau": 1, "n_sub_bands": 5, "block_dropout": 0.0},
        (65, 1, 32),
        [
            ({"tau": 0.25}, "tau must be from 0.5 to 8, not 0.25"),
            ({"tau": 9}, "tau must be from 0.5 to 8, not 9"),
            ({"n_sub_bands": 0}, "n_sub_bands must be at least 1, not 0"),
            ({"n_sub_bands": 4}, "40 bands become 20, 10, 5, which n_sub_bands=4"),
            ({"block_dropout": 1.0}, "from 0 to below 1, not 1"),
        ],
    ),
    "cnn": Case(
        "cnn",
        {"channels": (4, 8, 12), "n_convolutions": 1},
        (16, 10, 12),
        [
            ({"channels": ()}, "channels needs one number for each block"),
            ({"channels": (8, 0)}, "CNN: channels must be at least 1, not 0"),
            ({"n_convolutions": 0}, "n_convolutions must be at least 1, not 0"),
        ],
    ),
    "crnn": Case(
        "crnn",
        {
            "channels": (4, 8, 8),
            "cell": "gru",
            "n_units": 12,
            "n_recurrent_layers": 1,
            "bidirectional": True,
        },
        (16, 1, 24),
        [
            ({"cell": "gur"}, "cell 'gur' is unknown .*'gru'"),
            ({"channels": ()}, "channels needs one number a convolution"),
            ({"n_units": 0}, "CRNN: n_units must be at least 1, not 0"),
            ({"n_recurrent_layers": 0}, "n_recurrent_layers must be at least 1"),
        ],
    ),
    "crnn of lstm": Case(
        "crnn",
        {
            "channels": (8,),
            "cell": "lstm",
            "n_units": 12,
            "n_recurrent_layers": 2,
            "bidirectional": False,
        },
        (32, 1, 12),
    ),
    "ds_cnn": Case(
        "ds_cnn",
        {"size": "small"},
        (33, 20, 64),
        [
            (
                {"size": "tiny"},
                "size 'tiny' is unknown.* choose from large, medium, small",
            )
        ],
    ),
    "keyword_transformer": Case(
        "keyword_transformer",
        {"width": 16, "n_heads": 2, "n_layers": 2, "block_dropout": 0.0},
        (65, 1, 16),
        [
            ({"width": 30, "n_heads": 4}, "multiple of n_heads, but 30 is none of 4"),
            ({"n_heads": 0}, "KWT: n_heads must be at least 1, not 0"),
            ({"n_layers": 0}, "KWT: n_layers must be at least 1, not 0"),
            ({"block_dropout": -0.1}, "from 0 to below 1, not -0.1"),
        ],
    ),
    "matchboxnet": Case(
        "matchboxnet",
        {"n_blocks": 2, "n_sub_blocks": 2, "channels": 16, "block_dropout": 0.0},
        (33, 1, 128),
        [
            ({"n_blocks": 0}, "MatchboxNet: n_blocks must be at least 1, not 0"),
            ({"n_sub_blocks": 0}, "n_sub_blocks must be at least 1, not 0"),
            ({"channels": 0}, "channels must be at least 1, not 0"),
            ({"block_dropout": 1.5}, "from 0 to below 1, not 1.5"),
        ],
    ),
    "residual": Case(
        "residual",
        {
            "channels": (4, 8),
            "strides": (2, 2),
            "stem_kernel_size": 3,
            "activation": "relu",
            "squeeze_excite": True,
        },
        (17, 10, 8),
        [({"channels": (4,), "strides": ()}, "but there are 1 and 0")],
    ),
}


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[str(request.param)]


def test_every_network_trained_from_scratch_is_covered() -> None:
    from_scratch = {name for name, entry in BACKBONES.items() if entry.weights is None}
    assert {case.network for case in CASES.values()} == from_scratch


def with_drawn_weights(model: keras.Model) -> keras.Model:
    """Draw every weight, also those that would all start as 0 or 1."""
    rng = np.random.default_rng(5)
    model.set_weights(
        [
            rng.uniform(0.5, 1.5, value.shape) if value.ndim == 1 else value
            for value in model.get_weights()
        ]
    )
    return model


def some_features(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(65, N_BANDS), (66, N_BANDS), (98, N_BANDS, 2)])
def test_the_map_has_four_axes_and_the_announced_shape(
    case: Case, shape: tuple[int, ...]
) -> None:
    network = case.build(shape, **case.options)
    assert network.input_shape == (None, *shape)
    found = network(some_features(2, *shape))
    assert tuple(found.shape) == (2, *network.output_shape[1:])
    assert len(network.output_shape) == 4
    if shape == (65, N_BANDS):
        assert network.output_shape[1:] == case.map_of_65_frames


def test_the_shortest_clip_is_enough_and_a_shorter_one_refused(case: Case) -> None:
    n_frames = next(n for n in range(1, 65) if accepted(case, n))
    network = case.build((n_frames, N_BANDS), **case.options)
    assert np.isfinite(network(some_features(1, n_frames, N_BANDS))).all()
    for shape in [(16_000,), (65, N_BANDS, 1, 1)]:
        with pytest.raises(SettingError, match=r"shape \(time, frequency"):
            case.build(shape, **case.options)


def accepted(case: Case, n_frames: int) -> bool:
    try:
        case.build((n_frames, N_BANDS), **case.options)
    except SettingError as error:
        if f"makes {n_frames} of {N_BANDS}" in str(error):
            return False
        raise
    return True


def test_wrong_options_are_refused_with_what_was_given(case: Case) -> None:
    for options, message in case.refused:
        with pytest.raises(SettingError, match=message):
            case.build((65, N_BANDS), **case.options | options)


def test_every_option_has_a_name_of_its_own_a_default_and_a_line(case: Case) -> None:
    parameters = dict(inspect.signature(case.build).parameters)
    assert next(iter(parameters)) == "input_shape"
    del parameters["input_shape"]
    assert set(parameters) == set(case.options)
    taken = set(inspect.signature(build_classifier).parameters)
    for name, parameter in parameters.items():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert parameter.default is not inspect.Parameter.empty
        assert name not in taken
        assert f"    {name}: " in (case.build.__doc__ or "")


def test_a_clip_does_not_depend_on_its_batch(case: Case) -> None:
    network = with_drawn_weights(case.build((65, N_BANDS), **case.options))
    features = some_features(3, 65, N_BANDS) * np.array([1, 30, 0.1])[:, None, None]
    together = np.asarray(network(features, training=False))
    alone = np.asarray(network(features[:1], training=False))
    np.testing.assert_allclose(together[:1], alone, rtol=1e-4, atol=1e-4)


def test_statistics_follow_quickly(case: Case) -> None:
    network = case.build((65, N_BANDS), **case.options)
    momenta = {
        layer.momentum
        for layer in network.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    assert momenta <= {0.9}


def test_a_saved_network_gives_the_same_map(case: Case, tmp_path: Path) -> None:
    network = with_drawn_weights(case.build((33, N_BANDS), **case.options))
    features = some_features(2, 33, N_BANDS)
    network.save(tmp_path / "network.keras")
    # Plain Keras opens it: no class of this package is in it.
    loaded = keras.saving.load_model(tmp_path / "network.keras", custom_objects={})
    np.testing.assert_array_equal(loaded(features), network(features))
    modules = {type(layer).__module__.partition(".")[0] for layer in network.layers}
    assert modules == {"keras"}


@pytest.mark.slow
def test_eight_clips_are_learned_by_heart_with_every_weight(case: Case) -> None:
    keras.utils.set_random_seed(0)
    features, classes = some_features(8, 24, N_BANDS), np.arange(8) % 4
    network = case.build((24, N_BANDS), **case.options)
    pooled = keras.layers.GlobalAveragePooling2D()(network.output)
    scores = keras.layers.Dense(4, activation="softmax")(pooled)
    model = keras.Model(network.input, scores)
    # It comes to rest, so that the running statistics are those of the last weights.
    rate = keras.optimizers.schedules.CosineDecay(0.01, N_STEPS)
    model.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        jit_compile=False,
    )
    before = [value.numpy() for value in model.trainable_weights]
    losses = [float(model.train_on_batch(features, classes)) for _ in range(N_STEPS)]
    assert losses[0] > 0.7
    assert losses[-1] < 0.05
    for weight, start in zip(model.trainable_weights, before, strict=True):
        assert np.any(weight.numpy() != start), weight.path
    found = np.asarray(model(features, training=False)).argmax(axis=1)
    np.testing.assert_array_equal(found, classes)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=[pytest.mark.slow] if name == "bc_resnet" else [])
        for name, case in CASES.items()
    ],
    ids=list(CASES),
)
def test_the_litert_graph_gives_the_same_map(case: Case) -> None:
    audio = keras.Input((2_400,))
    mel = LogMel(sample_rate=RATE, n_mels=N_BANDS)(audio)
    network = with_drawn_weights(case.build(mel.shape[1:], **case.options))
    model = keras.Model(audio, network(mel))
    # An interpreter without TensorFlow: it opens builtin operators only.
    interpreter = Interpreter(model_content=to_litert(model))
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    made = interpreter.get_output_details()[0]
    assert tuple(given["shape"]) == (1, 2_400)
    for clip in 0.1 * some_features(2, 2_400):
        interpreter.set_tensor(given["index"], clip[None])
        interpreter.invoke()
        found = interpreter.get_tensor(made["index"])
        expected = np.asarray(model(clip[None], training=False))
        largest = max(1.0, float(np.abs(expected).max()))
        assert np.abs(found - expected).max() < 1e-4 * largest
