"""The two steps of every layer, on one that is easy to follow."""

import keras
import numpy as np
import pytest

from sonotype.augment.gain import Gain
from sonotype.errors import SettingError


def test_a_parameter_can_be_read_and_set_by_hand() -> None:
    layer = Gain(-20.0, 0.0, seed=1)
    clips = np.ones((3, 4), np.float32)
    drawn = layer.draw(clips)
    heard = np.asarray(layer.apply(clips, drawn))
    gain_db = np.asarray(drawn["gain_db"])
    np.testing.assert_allclose(20 * np.log10(heard), np.tile(gain_db, 4), atol=1e-4)
    by_hand = layer.apply(clips, {"gain_db": np.array([[-20.0], [0.0], [20.0]])})
    np.testing.assert_allclose(np.asarray(by_hand)[:, 0], [0.1, 1.0, 10.0], rtol=1e-6)


def test_the_drawn_choice_says_which_clips_are_varied() -> None:
    layer = Gain(-6.0, -3.0, probability=0.3, seed=1)
    clips = np.ones((1_000, 2), np.float32)
    drawn = layer.draw(clips)
    chosen = np.asarray(drawn["chosen"])[:, 0]
    assert 250 < chosen.sum() < 350
    changed = (np.asarray(layer.apply(clips, drawn)) != 1.0).all(axis=1)
    np.testing.assert_array_equal(changed, chosen)


def test_a_configuration_without_a_probability_still_loads() -> None:
    config = Gain(-6.0, -3.0, seed=4).get_config()
    del config["probability"]  # as sonotype 0.1 wrote it
    assert Gain.from_config(config).probability == 1.0


def test_a_registered_layer_is_found_by_the_name_it_always_had() -> None:
    registered = keras.saving.get_registered_object("sonotype>Gain")
    assert registered is Gain


def test_a_probability_that_is_none_is_refused() -> None:
    with pytest.raises(SettingError, match="probability must be from 0 to 1, not 2"):
        Gain(probability=2.0)
