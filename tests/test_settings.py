from pathlib import Path
from typing import Any

import pytest

from sonotype.errors import SettingError
from sonotype.settings import Settings, read_settings, recipe_names


@pytest.mark.parametrize("recipe", recipe_names())
def test_a_recipe_survives_writing_and_reading(recipe: str, tmp_path: Path) -> None:
    settings = read_settings(recipe)
    path = tmp_path / "settings.toml"
    path.write_text(settings.to_toml(), encoding="utf-8")
    assert read_settings(config=path) == settings


def test_the_article_recipe_is_the_article_to_the_letter() -> None:
    settings = read_settings("article")
    layers = [(layer.layer, layer.arguments) for layer in settings.frontend]
    assert layers == [
        ("spectrogram", {"frame_length": 2048, "hop_length": 512}),
        ("to_image", {"height": 128, "width": 128, "channels": 3}),
    ]
    assert settings.model.backbone == "efficientnet_b0"
    assert settings.model.weights == "imagenet"
    assert settings.model.dropout == 0.5
    training = settings.training
    assert (training.optimizer, training.learning_rate) == ("adam", 1e-3)
    assert (training.batch_size, training.epochs, training.steps_per_epoch) == (
        32,
        10,
        100,
    )
    assert training.schedule == "constant"
    assert training.label_smoothing == 0
    assert settings.augment.waveform == settings.augment.spectrogram == ()


def test_flags_win_over_the_file_and_the_file_over_the_recipe(tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text("seed = 3\n[training]\nepochs = 7\nbatch_size = 8\n")
    settings = read_settings(
        "article", config=config, overrides={"training.epochs": 2, "seed": None}
    )
    assert settings.seed == 3
    assert (settings.training.epochs, settings.training.batch_size) == (2, 8)
    assert settings.training.steps_per_epoch == 100


def test_options_of_a_backbone_do_not_reach_another() -> None:
    options = {"model.options": {"channels": [8, 8]}}
    merged = read_settings("default", overrides=options)
    assert merged.model.options["channels"] == [8, 8]
    other = read_settings("default", overrides={**options, "model.backbone": "other"})
    assert other.model.options == {}


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (
            {"training.epoch": 3},
            r"'training\.epoch' is unknown; did you mean 'epochs'\?",
        ),
        ({"trainig": {}}, r"'trainig' is unknown; did you mean 'training'\?"),
        ({"training.epochs": 0}, r"'training\.epochs': .* greater than 0; received 0"),
        ({"training.optimizer": "sgd"}, r"'adam' or 'adamw'; received 'sgd'"),
        ({"audio.sample_rate": "fast"}, r"'audio\.sample_rate': .*; received 'fast'"),
        ({"data.validation": 1.5}, r"'data\.validation': .* less than 1"),
        ({"frontend": []}, "'frontend': .* at least 1 item"),
        ({"frontend": [{"n_mels": 3}]}, r"'frontend\.0\.layer' is missing"),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    overrides: dict[str, Any], reason: str
) -> None:
    with pytest.raises(SettingError, match=reason):
        read_settings("default", overrides=overrides)


@pytest.mark.parametrize("transfer", ["frozen", "finetune"])
def test_random_weights_have_nothing_to_transfer(transfer: str) -> None:
    message = rf"'training\.transfer' is '{transfer}', but 'model\.weights' is 'none': "
    how = {"training.transfer": transfer}
    with pytest.raises(SettingError, match=message):
        read_settings("default", overrides=how)
    with pytest.raises(SettingError, match=message):
        read_settings("efficientat", overrides={**how, "model.weights": "none"})
    settings = read_settings("efficientat", overrides=how)
    assert settings.training.transfer == transfer
    assert read_settings("default", overrides={"training.transfer": "scratch"})


def test_an_unknown_recipe_lists_the_recipes() -> None:
    with pytest.raises(
        SettingError, match=r"'artcle' is unknown .*choose from article"
    ):
        read_settings("artcle")


def test_a_config_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"absent\.toml cannot be read"):
        read_settings(config=tmp_path / "absent.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[training\n")
    with pytest.raises(SettingError, match=r"broken\.toml is not TOML: .*line 1"):
        read_settings(config=broken)


def test_samples_of_a_clip() -> None:
    settings: Settings = read_settings("default", overrides={"audio.clip_seconds": 0.5})
    assert settings.n_samples == settings.audio.sample_rate // 2
