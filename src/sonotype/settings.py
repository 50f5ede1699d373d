"""Everything a training run can be told, read from TOML and checked in one place.

A recipe (`recipes/*.toml`) gives every value; a `--config` file overrides a recipe,
flags override both, and the merged settings are written into the bundle.
"""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from sonotype.errors import SettingError, unknown_name


class Section(BaseModel):
    """One table of the TOML file; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LayerSettings(BaseModel):
    """A layer by name; its other keys are the arguments of the layer's class."""

    model_config = ConfigDict(extra="allow", frozen=True)

    layer: str

    @property
    def arguments(self) -> dict[str, Any]:
        """The keys beside `layer`."""
        return dict(self.model_extra or {})


class AudioSettings(Section):
    """What the model hears."""

    sample_rate: int = Field(gt=0, le=768_000)
    clip_seconds: float = Field(gt=0, le=600)


class DataSettings(Section):
    """How the data is laid out, which clips take part, and how they are split.

    `options` are further arguments of the layout's reader, such as `complete` of
    annotated recordings or `columns` of a table.
    """

    layout: str = "auto"
    classes: tuple[str, ...] | None = None
    group_by: str | None = None
    task: Literal["auto", "single-label", "multi-label"] = "auto"
    validation: float = Field(default=0.15, gt=0, lt=1)
    test: float = Field(default=0.2, ge=0, lt=1)
    options: dict[str, Any] = Field(default_factory=dict)

    @field_validator("options")
    @classmethod
    def _are_of_the_layout(cls, options: dict[str, Any]) -> dict[str, Any]:
        taken = [
            name for name in options if name in {*cls.model_fields, "clip_seconds"}
        ]
        if taken:
            raise ValueError(f"{taken[0]!r} is a setting of its own, not of a layout")
        return options


class AugmentSettings(Section):
    """Layers that vary training examples, in order, before and after the front end."""

    waveform: tuple[LayerSettings, ...] = ()
    spectrogram: tuple[LayerSettings, ...] = ()


class ModelSettings(Section):
    """Backbone and head."""

    backbone: str
    weights: str = "none"
    pooling: Literal[
        "mean", "max", "mean_max", "mean_std", "band_mean", "attention"
    ] = "mean"
    standardize: bool = False
    dropout: float = Field(default=0.0, ge=0, lt=1)
    options: dict[str, Any] = Field(default_factory=dict)


class TrainingSettings(Section):
    """How the model is fitted.

    `transfer` says what of it: all of it (`scratch`), the head on a backbone that stays
    (`frozen`), or after that also the layers of the backbone above `cut` (`finetune`),
    from `n_views` versions of each clip, the plain one and augmented ones. Fine-tuning
    ends with its last epoch, whatever `keep` says. A layer of the backbone learns at
    `layer_decay` times the rate of the layer above it.

    With `frozen` and `finetune` a model learns from the validation part too, once it
    has chosen by it. From scratch it does so with `learn_from = "all"`, unless there
    is something to choose by it: the best epoch to keep, or the thresholds of a
    multi-label model.
    """

    transfer: Literal["scratch", "frozen", "finetune"] = "scratch"
    n_views: int = Field(default=1, ge=1, le=64)
    cut: str | None = None
    epochs: int = Field(gt=0)
    steps_per_epoch: int | None = Field(default=None, gt=0)
    batch_size: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    optimizer: Literal["adam", "adamw"] = "adam"
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup_fraction: float = Field(default=0.0, ge=0, lt=1)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    averaging: float = Field(default=0.0, ge=0, lt=1)
    keep: Literal["best", "last"] = "best"
    learn_from: Literal["train", "all"] = "train"


class Settings(Section):
    """All settings of one training run; `recipe` names what they started from."""

    recipe: str
    description: str = ""
    seed: int = Field(default=0, ge=0, lt=2**31)
    audio: AudioSettings
    data: DataSettings = DataSettings()
    frontend: tuple[LayerSettings, ...] = Field(min_length=1)
    augment: AugmentSettings = AugmentSettings()
    model: ModelSettings
    training: TrainingSettings

    @model_validator(mode="after")
    def _has_something_to_transfer(self) -> "Settings":
        transfer = self.training.transfer
        if transfer != "scratch" and self.model.weights == "none":
            raise SettingError(
                f"setting 'training.transfer' is {transfer!r}, but 'model.weights' is "
                "'none': random weights have nothing to transfer; use --transfer "
                "scratch, or start from weights as --recipe efficientat does"
            )
        return self

    @cached_property
    def n_samples(self) -> int:
        """Samples in one clip."""
        return round(self.audio.clip_seconds * self.audio.sample_rate)

    @cached_property
    def n_hop(self) -> int:
        """Samples between the windows that a longer clip is scored in."""
        return max(1, self.n_samples // 2)

    def to_toml(self) -> str:
        """Return the settings as TOML that `read_settings` reads back equal."""
        import tomli_w  # on the train side only

        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def recipe_names() -> list[str]:
    """Return the names of the built-in recipes.

    Example:
        >>> recipe_names()
        ['article', 'birdnet', 'default', 'efficientat', 'pictures', 'speech_embedding']
    """
    folder = resources.files("sonotype.recipes")
    return sorted(
        file.name.removesuffix(".toml")
        for file in folder.iterdir()
        if file.name.endswith(".toml")
    )


def read_settings(
    recipe: str | None = None,
    *,
    config: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Merge a recipe, a config file and single values, later ones winning.

    Args:
        recipe: Name of a built-in recipe; default: the one the config file names,
            or else `default`.
        config: TOML file with the same tables, whole or in part.
        overrides: Values by dotted name, such as `{"training.epochs": 5}`; `None`
            means not given.

    Raises:
        SettingError: If a name is unknown or a value out of range.

    Example:
        >>> read_settings("article", overrides={"training.epochs": 5}).training.epochs
        5
    """
    configured = {} if config is None else _read_config(config)
    recipe = recipe or str(configured.get("recipe", "default"))
    merged = _read_toml(_recipe_text(recipe), f"recipe {recipe}")
    merged = _merge(merged, {**configured, "recipe": recipe})
    for dotted, value in (overrides or {}).items():
        if value is not None:
            for part in reversed(dotted.split(".")):
                value = {part: value}
            merged = _merge(merged, value)
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise _first_problem(error) from error


def _recipe_text(name: str) -> str:
    if name not in recipe_names():
        raise unknown_name("recipe", name, recipe_names())
    file = resources.files("sonotype.recipes") / f"{name}.toml"
    return file.read_text(encoding="utf-8")


def _read_config(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingError(f"{path} cannot be read: {error}") from error
    return _read_toml(text, str(path))


def _read_toml(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{source} is not TOML: {error}") from error


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return `below` with the values of `above`; tables merge, lists are replaced.

    `model.options` belong to one backbone, so another backbone starts without them.
    """
    merged = dict(below)
    if "backbone" in above and above["backbone"] != below.get("backbone"):
        merged.pop("options", None)
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), dict):
            merged[key] = _merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def _first_problem(error: ValidationError) -> SettingError:
    """Put pydantic's first finding into one sentence, with the nearest known key."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        section: Any = Settings
        for part in first["loc"][:-1]:
            section = section.model_fields[str(part)].annotation
        near = get_close_matches(str(first["loc"][-1]), section.model_fields, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return SettingError(f"setting {name!r} is unknown{hint}")
    if first["type"] == "missing":
        return SettingError(f"setting {name!r} is missing")
    return SettingError(
        f"setting {name!r}: {first['msg']}; received {first['input']!r}"
    )
