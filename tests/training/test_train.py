from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sonotype.dataset.cache.audio_cache import AudioCache
from sonotype.dataset.split import Split
from sonotype.errors import DataError, SettingError
from sonotype.evaluation.evaluate import evaluate
from sonotype.settings import LayerSettings, Settings
from sonotype.training.build import build_augmentation, build_frontend, build_model
from sonotype.training.callbacks import KeepBest, Progress
from sonotype.training.train import TrainedModel, train


def test_it_learns_what_anyone_can_tell_apart(
    trained: TrainedModel, tone_split: Split
) -> None:
    report = evaluate(trained, tone_split.test)
    assert report.to_dict()["accuracy"] == 1.0


def test_it_heard_only_train_and_validation(
    trained: TrainedModel, tone_split: Split
) -> None:
    table = trained.heard_table()
    assert len(table) == len(tone_split.train) + len(tone_split.validation)
    assert set(table["split"]) == {"train", "validation"}
    assert not set(table["group"]) & set(tone_split.test.groups())
    assert not any(Path(path).is_absolute() for path in table["path"])


def test_scores_do_not_depend_on_the_other_clips(
    trained: TrainedModel, tone_split: Split
) -> None:
    together = trained.scores(tone_split.test)
    alone = trained.scores(tone_split.test.select([3]))
    np.testing.assert_allclose(together[3:4], alone, atol=1e-6)


def test_the_same_seed_trains_the_same_model_and_reports_each_step(
    tone_split: Split, tiny_settings: Settings, tmp_path: Path
) -> None:
    training = tiny_settings.training.model_copy(update={"learn_from": "train"})
    settings = tiny_settings.model_copy(update={"training": training})
    runs: list[list[Progress]] = [[], []]
    for steps in runs:
        train(
            tone_split.train,
            tone_split.validation,
            settings=settings,
            epochs=2,
            cache=AudioCache(tmp_path, sample_rate=8_000),
            on_progress=steps.append,
        )
    losses = [[now.loss for now in steps] for steps in runs]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)
    last = runs[0][-1]
    assert (last.step, last.epoch) == (last.n_steps, 2)
    assert last.validation_accuracy is not None
    counted = [now.step for now in runs[0] if now.validation_accuracy is None]
    assert counted == list(range(1, last.n_steps + 1))


@pytest.mark.parametrize("task", ["single-label", "multi-label"])
@pytest.mark.parametrize("learn_from", ["train", "all"])
@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_validation_part_is_learned_from_only_if_nothing_is_chosen_by_it(
    task: str,
    learn_from: str,
    keep: str,
    tone_split: Split,
    tiny_settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(
        "sonotype.training.train.fit",
        lambda model, *parts, run=None: seen.extend(
            [] if part is None else sorted(map(str, part.clips.frame["path"]))
            for part in parts[:2]
        ),
    )
    merged = tiny_settings.model_dump() | {
        "data": tiny_settings.data.model_dump() | {"task": task},
        "training": tiny_settings.training.model_dump()
        | {"learn_from": learn_from, "keep": keep},
    }
    train(
        tone_split.train,
        tone_split.validation,
        settings=Settings.model_validate(merged),
        cache=AudioCache(tmp_path, sample_rate=8_000),
    )
    learned, judged = seen
    paths = [sorted(map(str, part.frame["path"])) for part in tone_split[:2]]
    if (task, learn_from, keep) == ("single-label", "all", "last"):
        assert learned == sorted(paths[0] + paths[1])
        assert judged == []
    else:
        assert [learned, judged] == paths


def test_a_diverging_run_stops_with_a_sentence(
    tone_split: Split, tiny_settings: Settings, tmp_path: Path
) -> None:
    training = tiny_settings.training.model_copy(update={"learning_rate": 1e30})
    settings = tiny_settings.model_copy(update={"training": training})
    with pytest.raises(DataError, match=r"diverged .* lower training\.learning_rate"):
        train(
            tone_split.train,
            tone_split.validation,
            settings=settings,
            cache=AudioCache(tmp_path, sample_rate=8_000),
        )


def test_a_cache_of_another_rate_is_refused(
    tone_split: Split, tiny_settings: Settings, tmp_path: Path
) -> None:
    cache = AudioCache(tmp_path, sample_rate=44_100)
    with pytest.raises(SettingError, match="at 44100 Hz, but the settings say 8000 Hz"):
        train(
            tone_split.train,
            tone_split.validation,
            settings=tiny_settings,
            cache=cache,
        )


def test_other_labels_in_validation_are_refused(tone_split: Split) -> None:
    from sonotype.clips import Clips
    from sonotype.labels import Labels

    backwards = Labels(tone_split.train.labels.names[::-1])
    other = Clips(tone_split.validation.frame, backwards)
    with pytest.raises(DataError, match="must list the same labels"):
        train(tone_split.train, other)


def test_the_best_epoch_is_kept() -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    keep = KeepBest()
    keep.set_model(model)
    epochs = [1.0, 0.9, 0.7, 0.8]
    for epoch, loss in enumerate(epochs):
        model.set_weights([np.full((1, 1), float(epoch))])
        keep.on_epoch_end(epoch, {"val_loss": loss})
    keep.on_epoch_end(len(epochs), {"loss": 0.1})  # not validated
    keep.on_train_end()
    assert model.get_weights()[0] == 2.0


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (LayerSettings(layer="log_mell"), r"front end 'log_mell' .*did you mean"),
        (
            LayerSettings.model_validate({"layer": "log_mel", "n_mel": 3}),
            r"front end log_mel: argument 'n_mel' .*did you mean 'n_mels'\?",
        ),
    ],
)
def test_an_unknown_layer_or_argument_names_the_nearest(
    tiny_settings: Settings, layer: LayerSettings, reason: str
) -> None:
    settings = tiny_settings.model_copy(update={"frontend": (layer,)})
    with pytest.raises(SettingError, match=reason):
        build_frontend(settings)


def test_weights_for_a_backbone_without_any_are_refused() -> None:
    from sonotype.settings import read_settings

    settings = read_settings("default", overrides={"model.weights": "imagenet"})
    with pytest.raises(SettingError, match="'residual' has no weights to start from"):
        build_model(settings, 3)


def test_layers_get_the_rate_the_noise_and_seeds_of_their_own() -> None:
    from sonotype.settings import read_settings

    settings = read_settings(
        overrides={
            "augment": {
                "waveform": [
                    {"layer": "shift", "max_seconds": 0.1},
                    {"layer": "background_noise", "snr_db": [0, 20]},
                ],
                "spectrogram": [{"layer": "mixup"}],
            }
        }
    )
    noise = np.linspace(-1, 1, 40_000, dtype=np.float32)
    waveform, spectrogram = build_augmentation(settings, noise=noise)
    configs: list[dict[str, Any]] = [
        layer.get_config() for layer in [*waveform, *spectrogram]
    ]
    assert configs[0]["sample_rate"] == settings.audio.sample_rate
    assert len({config["seed"] for config in configs}) == 3


@pytest.mark.slow
def test_the_article_recipe_is_the_article_in_plain_keras(
    rng: np.random.Generator,
) -> None:
    """The same weights in the article's own pipeline give the same scores."""
    import tensorflow as tf

    from sonotype.settings import read_settings

    settings = read_settings("article", overrides={"model.weights": "none"})
    model = build_model(settings, 8)
    waveforms = rng.uniform(-1, 1, (2, 16_000)).astype(np.float32)
    stft = tf.signal.stft(waveforms, frame_length=2048, frame_step=512, fft_length=2048)
    image = tf.image.grayscale_to_rgb(
        tf.image.resize(tf.abs(stft)[..., None], [128, 128])
    )
    backbone = keras.applications.EfficientNetB0(
        include_top=False, weights=None, input_shape=(128, 128, 3)
    )
    backbone.set_weights(model.get_layer("backbone").get_weights())
    pooled = keras.layers.GlobalAveragePooling2D()(backbone(image, training=False))
    kernel, bias = model.get_layer("head").get_weights()
    expected = keras.ops.softmax(pooled @ kernel + bias)
    np.testing.assert_allclose(model(waveforms, training=False), expected, atol=1e-5)
