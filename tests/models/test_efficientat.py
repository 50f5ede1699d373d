"""EfficientAT against a forward pass in numpy, and against what it must hear."""

import csv
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

from sonotype.audio.io import read_audio
from sonotype.errors import SettingError, WeightsError
from sonotype.exporters.litert import to_litert
from sonotype.frontend.presets import preset_layers
from sonotype.models.classifier import build_classifier
from sonotype.models.efficientat import AUDIOSET, audioset_tagger, efficientat

SHARED = Path(__file__).resolve().parents[3] / "shared"
PUBLISHED = SHARED / "weights" / "mn04_as_mAP_432.npz"
# Of width 0.4, as the published file has them: kernel, inner and outer channels,
# squeezed channels (0: none), stride.
BLOCKS = (
    (3, 8, 8, 0, 1),
    (3, 24, 16, 0, 2),
    (3, 32, 16, 0, 1),
    (5, 32, 16, 8, 2),
    (5, 48, 16, 16, 1),
    (5, 48, 16, 16, 1),
    (3, 96, 32, 0, 2),
    (3, 80, 32, 0, 1),
    (3, 72, 32, 0, 1),
    (3, 72, 32, 0, 1),
    (3, 192, 48, 48, 1),
    (3, 272, 48, 72, 1),
    (5, 272, 64, 72, 2),
    (5, 384, 64, 96, 1),
    (5, 384, 64, 96, 1),
)
FIRST_WITH_HARD_SWISH = 7

Tensors = dict[str, np.ndarray]


def save(path: Path, tensors: Mapping[str, np.ndarray]) -> Path:
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **tensors)
    return path


def made_up_tensors() -> Tensors:
    """Return tensors named and shaped as those of mn04, but drawn at random."""
    rng = np.random.default_rng(0)
    tensors: Tensors = {}

    def convolution(name: str, shape: tuple[int, ...]) -> None:
        kernel = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        tensors[f"{name}.0.weight"] = kernel
        for part, low, high in (
            ("weight", 0.8, 1.2),
            ("bias", -0.2, 0.2),
            ("running_mean", -0.2, 0.2),
            ("running_var", 0.5, 1.0),
        ):
            tensors[f"{name}.1.{part}"] = rng.uniform(low, high, shape[0])

    def dense(name: str, n_in: int, n_out: int) -> None:
        tensors[f"{name}.weight"] = rng.standard_normal((n_out, n_in)) / np.sqrt(n_in)
        tensors[f"{name}.bias"] = rng.standard_normal(n_out) / 10

    convolution("features.0", (8, 1, 3, 3))
    n_before = 8
    for number, (kernel, inner, outer, squeezed, _) in enumerate(BLOCKS, start=1):
        name, step = f"features.{number}.block", 0
        if inner != n_before:
            convolution(f"{name}.{step}", (inner, n_before, 1, 1))
            step += 1
        convolution(f"{name}.{step}", (inner, 1, kernel, kernel))
        step += 1
        if squeezed:
            dense(f"{name}.{step}.conc_se_layers.0.fc1", inner, squeezed)
            dense(f"{name}.{step}.conc_se_layers.0.fc2", squeezed, inner)
            step += 1
        convolution(f"{name}.{step}", (outer, inner, 1, 1))
        n_before = outer
    convolution("features.16", (384, 64, 1, 1))
    dense("classifier.2", 384, 512)
    dense("classifier.5", 512, 527)
    return {name: array.astype(np.float32) for name, array in tensors.items()}


def hard_swish(x: np.ndarray) -> np.ndarray:
    return x * np.clip(x + 3, 0, 6) / 6


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def convolve(
    x: np.ndarray, tensors: Mapping[str, np.ndarray], name: str, stride: int = 1
) -> np.ndarray:
    """Convolve `(clip, channel, frequency, time)` and normalise, as PyTorch does."""
    kernel = tensors[f"{name}.0.weight"].astype(np.float64)
    margin = kernel.shape[-1] // 2
    padded = np.pad(x, [(0, 0), (0, 0), (margin, margin), (margin, margin)])
    places = np.lib.stride_tricks.sliding_window_view(
        padded, kernel.shape[2:], axis=(2, 3)
    )[:, :, ::stride, ::stride]
    is_depthwise = kernel.shape[1] == 1 and x.shape[1] > 1
    axes = "bcfthw,cohw->bcft" if is_depthwise else "bcfthw,ochw->boft"
    x = np.einsum(axes, places, kernel, optimize=True)
    gain, bias, mean, variance = (
        tensors[f"{name}.1.{part}"].astype(np.float64)[:, None, None]
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / np.sqrt(variance + 1e-3) * gain + bias


def dense(x: np.ndarray, tensors: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    return x @ tensors[f"{name}.weight"].T.astype(np.float64) + tensors[f"{name}.bias"]


def feature_map(features: np.ndarray, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the last feature map `(clip, channel, frequency, time)`."""
    x = features.astype(np.float64).transpose(0, 2, 1)[:, None]
    x = hard_swish(convolve(x, tensors, "features.0", 2))
    for number, (_, _, _, squeezed, stride) in enumerate(BLOCKS, start=1):
        activate = relu if number < FIRST_WITH_HARD_SWISH else hard_swish
        name, step, before = f"features.{number}.block", 0, x
        if number > 1:
            x = activate(convolve(x, tensors, f"{name}.{step}"))
            step += 1
        x = activate(convolve(x, tensors, f"{name}.{step}", stride))
        step += 1
        if squeezed:
            inside = f"{name}.{step}.conc_se_layers.0"
            means = relu(dense(x.mean(axis=(2, 3)), tensors, f"{inside}.fc1"))
            x = x * sigmoid(dense(means, tensors, f"{inside}.fc2"))[:, :, None, None]
            step += 1
        x = convolve(x, tensors, f"{name}.{step}")
        x = x + before if x.shape == before.shape else x
    return hard_swish(convolve(x, tensors, "features.16"))


def scores(features: np.ndarray, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    means = feature_map(features, tensors).mean(axis=(2, 3))
    hidden = hard_swish(dense(means, tensors, "classifier.2"))
    return sigmoid(dense(hidden, tensors, "classifier.5"))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    return save(folder / "made_up.npz", made_up_tensors())


# Even and odd sizes at every stride: padding differs from Keras's own at even ones.
@pytest.mark.parametrize("shape", [(64, 32), (45, 38)])
def test_the_network_is_the_published_one(file: Path, shape: tuple[int, int]) -> None:
    features = np.random.default_rng(1).standard_normal((2, *shape)).astype(np.float32)
    expected = feature_map(features, made_up_tensors()).transpose(0, 3, 2, 1)
    for given in (features, features[..., None]):
        network = efficientat(given.shape[1:], width=0.4, weights=file)
        found = np.asarray(network(given))
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def test_the_tagger_adds_the_published_classifier(file: Path) -> None:
    features = np.random.default_rng(1).standard_normal((2, 50, 40)).astype(np.float32)
    tagger = audioset_tagger((50, 40), width=0.4, weights=file)
    expected = scores(features, made_up_tensors())
    assert expected.std() > 0.03
    np.testing.assert_allclose(tagger(features), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("width", "n_published", "n_channels"),
    [
        (0.4, 0.98e6, 384),
        (0.5, 1.43e6, 480),
        (1.0, 4.88e6, 960),
        (2.0, 17.9e6, 1920),
    ],
)
def test_sizes_are_the_published_ones(
    width: float, n_published: float, n_channels: int
) -> None:
    network = efficientat((100, 128), width=width)
    assert network.output_shape == (None, 4, 4, n_channels)
    tagger = audioset_tagger((100, 128), width=width, weights=None)
    n_trained = sum(int(np.prod(item.shape)) for item in tagger.trainable_weights)
    assert n_trained == pytest.approx(n_published, rel=0.005)
    assert width in AUDIOSET


def test_published_files_say_where_they_are() -> None:
    for published in AUDIOSET.values():
        assert published.address.startswith("https://github.com/fschmid56/EfficientAT/")
        assert published.address.endswith(f"/{published.file_name}")
        assert published.licence == "MIT"
        assert len(published.digest) in (0, len("sha256:") + 64)


def test_any_length_is_taken_and_only_the_clip_itself_counts(file: Path) -> None:
    network = efficientat((None, 32), width=0.4, weights=file)
    rng = np.random.default_rng(2)
    for n_frames in (1, 31, 70):
        clips = rng.standard_normal((2, n_frames, 32)).astype(np.float32)
        together = np.asarray(network(clips))
        assert together.shape == (2, -(-n_frames // 32), 1, 384)
        np.testing.assert_allclose(network(clips[:1]), together[:1], atol=1e-5)


def test_keras_saves_and_loads_it(file: Path, tmp_path: Path) -> None:
    network = efficientat((40, 32), width=0.4, weights=file)
    clip = np.random.default_rng(3).standard_normal((1, 40, 32)).astype(np.float32)
    network.save(tmp_path / "whole.keras")
    network.save_weights(tmp_path / "only.weights.h5")
    whole = keras.models.load_model(tmp_path / "whole.keras")
    again = efficientat((40, 32), width=0.4, weights=tmp_path / "only.weights.h5")
    for other in (whole, again):
        np.testing.assert_array_equal(other(clip), network(clip))


@pytest.mark.parametrize("weights", ["pretrained", "audioset"])
def test_the_file_is_found_in_the_folder_of_the_user(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: str
) -> None:
    (tmp_path / "mn04_as_mAP_432.npz").write_bytes(file.read_bytes())
    monkeypatch.setenv("SONOTYPE_WEIGHTS", str(tmp_path))
    network = efficientat((40, 32), width=0.4, weights=weights)
    stem = made_up_tensors()["features.0.0.weight"]
    np.testing.assert_array_equal(
        network.get_layer("features-0-0").get_weights()[0], stem.transpose(3, 2, 1, 0)
    )


def test_files_of_another_network_are_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(
        WeightsError,
        match=r"made_up\.npz does not fit EfficientAT of width 0\.5: the weights "
        r"features\.2\.block\.0\.0 have the shape \(24, 8, 1, 1\); .*--weights none",
    ):
        efficientat((40, 32), width=0.5, weights=file)
    tensors = made_up_tensors()
    del tensors["features.16.1.running_var"], tensors["features.16.0.weight"]
    save(tmp_path / "less.npz", tensors)
    with pytest.raises(WeightsError, match=r"the weights features\.16\.0 are missing"):
        efficientat((40, 32), width=0.4, weights=tmp_path / "less.npz")
    with pytest.raises(WeightsError, match=r"no published weights for width 0\.7"):
        efficientat((40, 32), width=0.7, weights="pretrained")


@pytest.mark.parametrize(
    ("shape", "width", "message"),
    [
        ((16_000,), 1.0, r"shape \(time, frequency\[, 1\]\), not \(16000,\)"),
        ((100, 128, 3), 1.0, r"not \(100, 128, 3\); use the front end efficientat"),
        ((100, 128), 0.0, "width must be above 0, not 0"),
    ],
)
def test_what_does_not_fit_is_refused(
    shape: tuple[int, ...], width: float, message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        efficientat(shape, width=width)


@pytest.mark.slow
def test_eight_clips_are_learned_by_heart() -> None:
    keras.utils.set_random_seed(0)
    features = np.random.default_rng(4).standard_normal((8, 32, 32)).astype(np.float32)
    classes = np.arange(8) % 4
    network = efficientat((32, 32), width=0.2)
    pooled = keras.layers.GlobalAveragePooling2D()(network.output)
    model = keras.Model(
        network.input, keras.layers.Dense(4, activation="softmax")(pooled)
    )
    model.compile(
        keras.optimizers.Adam(0.01),
        "sparse_categorical_crossentropy",
        jit_compile=False,  # compiling takes longer than these few steps
    )
    model.fit(features, classes, batch_size=8, epochs=20, verbose=0)
    # In training mode: the statistics of so few steps are far behind.
    found = np.asarray(model(features, training=True)).argmax(axis=1)
    np.testing.assert_array_equal(found, classes)


@pytest.mark.slow
def test_with_its_front_end_it_exports_to_litert(file: Path) -> None:
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    model = build_classifier(
        preset_layers("efficientat"),
        n_classes=3,
        clip_seconds=0.5,
        backbone=partial(efficientat, width=0.4),
        weights=file,
    )
    graph = to_litert(model)
    assert b"Flex" not in graph
    interpreter = litert.Interpreter(model_content=graph)
    interpreter.allocate_tensors()
    rng = np.random.default_rng(5)
    for _ in range(3):
        clip = rng.uniform(-0.5, 0.5, (1, 16_000)).astype(np.float32)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], clip)
        interpreter.invoke()
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        np.testing.assert_allclose(found, model(clip), atol=1e-4)


@pytest.fixture(scope="module")
def recordings() -> dict[str, np.ndarray]:
    """Return the features of three recordings of each class of ESC-10."""
    folders = sorted((SHARED / "data" / "esc10").glob("* - *"))
    if not folders or not PUBLISHED.is_file():
        pytest.skip("the recordings or the weights are not here")
    frontend = keras.Sequential(preset_layers("efficientat"))
    found = {}
    for folder in folders:
        files = sorted(folder.glob("*.ogg"))[::16]
        clips = [read_audio(file, sample_rate=32_000)[:115_200] for file in files]
        found[folder.name.partition(" - ")[2]] = np.asarray(frontend(np.stack(clips)))
    return found


def test_the_published_weights_give_the_published_network(
    recordings: dict[str, np.ndarray],
) -> None:
    with np.load(PUBLISHED) as file:
        tensors = dict(file)
    features = np.stack([clips[0] for clips in recordings.values()])[:, :200]
    network = efficientat((200, 128), width=0.4, weights=PUBLISHED)
    tagger = audioset_tagger((200, 128), width=0.4, weights=PUBLISHED)
    expected = feature_map(features, tensors).transpose(0, 3, 2, 1)
    assert np.abs(expected).max() > 5
    np.testing.assert_allclose(network(features), expected, atol=1e-4)
    np.testing.assert_allclose(tagger(features), scores(features, tensors), atol=1e-5)


HEARD = {
    "Dog bark": {"Bark", "Dog"},
    "Rain": {"Rain"},
    "Sea waves": {"Waves, surf", "Ocean"},
    "Baby cry": {"Baby cry, infant cry", "Crying, sobbing"},
    "Clock tick": {"Tick-tock", "Tick", "Clock"},
    "Person sneeze": {"Sneeze"},
    "Helicopter": {"Helicopter", "Aircraft"},
    "Chainsaw": {"Chainsaw"},
    "Rooster": {"Crowing, cock-a-doodle-doo", "Chicken, rooster"},
    "Fire crackling": {"Fire", "Crackle"},
}


def test_it_names_what_is_heard(recordings: dict[str, np.ndarray]) -> None:
    with (SHARED / "weights" / "audioset_class_labels_indices.csv").open() as table:
        labels = [row["display_name"] for row in csv.DictReader(table)]
    tagger = audioset_tagger((None, 128), width=0.4, weights=PUBLISHED)
    for name, clips in recordings.items():
        mean = np.asarray(tagger(clips)).mean(axis=0)
        top = {labels[index] for index in mean.argsort()[-5:]}
        assert top & HEARD[name], f"{name}: {sorted(top)}"
