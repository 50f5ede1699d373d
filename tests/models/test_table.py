"""The table of backbones: every name builds, and says what it needs."""

import inspect

import numpy as np
import pytest

from sonotype.errors import SettingError
from sonotype.frontend.presets import PRESETS
from sonotype.models.classifier import build_classifier
from sonotype.models.table import BACKBONES, find_backbone

# The smallest features that any backbone behind a front end takes.
SHAPES = {
    None: (65, 40),
    "birdnet": (131, 96, 2),
    "efficientat": (32, 128),
    "pictures": (32, 32, 3),
    "speech_embedding": (76, 32),
}
QUICK = {"residual", "cnn", "ds_cnn", "speech_embedding"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])
        for name in BACKBONES
    ],
)
def test_every_backbone_makes_a_map_of_four_axes(name: str) -> None:
    found = find_backbone(name)
    shape = SHAPES[found.frontend]
    network = found.build(shape)
    features = np.random.default_rng(0).random((1, *shape), np.float32)
    made = np.asarray(network(features, training=False))
    assert made.shape == (1, *network.output_shape[1:])
    assert made.ndim == 4
    assert np.isfinite(made).all()


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_says_what_it_needs(name: str) -> None:
    found = find_backbone(name)
    assert found.summary
    assert "weights" not in found.options
    assert "input_shape" not in found.options
    assert ("weights" in inspect.signature(found.build).parameters) == bool(
        found.weights
    )
    if found.weights is None:
        assert found.frontend is None
        assert found.sample_rate is None
    else:
        assert found.frontend in PRESETS
        assert found.sample_rate == PRESETS[str(found.frontend)].sample_rate
        assert found.weights.licence
        assert found.weights.trained_on


def test_no_option_of_a_backbone_is_one_of_the_classifier() -> None:
    taken = set(inspect.signature(build_classifier).parameters)
    for name, found in BACKBONES.items():
        assert not taken & set(found.options), name


def test_a_name_in_a_family_fixes_its_size() -> None:
    assert "width" not in find_backbone("efficientat_mn04").options
    assert (
        "width" in inspect.signature(find_backbone("efficientat_mn04").build).parameters
    )


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(
        SettingError, match=r"backbone 'speech_embeding' .*'speech_embedding'"
    ):
        find_backbone("speech_embeding")
