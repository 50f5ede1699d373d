"""How fast the front end is: FFT against convolution, others, and the training step.

    python benchmarks/frontend.py                       # TensorFlow and LiteRT
    KERAS_BACKEND=jax python benchmarks/frontend.py     # and so for torch

Writes `results/frontend_BACKEND.csv`: spectrograms of a batch of clips in clips/s, by
both implementations of `Spectrogram` and by librosa, `tf.signal` and a convolution with
two kernels as in nnAudio; with TensorFlow also LiteRT graphs of both, a clip at a time.
With TensorFlow it writes `results/frontend_share.csv` too: the front ends of recipes
beside a whole training step. All take turns, so that a busy machine is equally busy for
each; numbers are medians over turns.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import keras
import numpy as np
from keras import ops

from results import save
from sonotype.frontend.fourier import fourier_kernel, window_samples
from sonotype.frontend.spectrogram import Spectrogram

Run = Callable[[], Any]
Clock = Callable[[], float]
BACKEND = keras.backend.backend()
BATCH_SIZE = 64
# Frame, hop and FFT length in samples, and samples in a clip of one second.
SIZES = [
    (256, 128, 256, 16_000),
    (400, 160, 512, 16_000),
    (400, 240, 512, 16_000),
    (800, 320, 1024, 32_000),
    (1024, 256, 1024, 16_000),
    (2048, 512, 2048, 16_000),
]
TURNS_OF_RECIPE = {"default": 40, "article": 10}


def medians(
    runs: Mapping[str, Run], *, turns: int, clock: Clock = time.perf_counter
) -> dict[str, float]:
    """Return the median seconds of each, after one run that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(turns + 1):
        for name, run in runs.items():
            start = clock()
            run()
            if turn:
                seconds[name].append(clock() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def compiled(function: Callable[[Any], Any], audio: np.ndarray) -> Run:
    """Return a run that ends when the result is there, compiled where it can be."""
    batch = ops.convert_to_tensor(audio)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        graph = tf.function(function)
        return lambda: graph(batch)
    if BACKEND == "jax":
        jitted = import_module("jax").jit(function)
        return lambda: jitted(batch).block_until_ready()
    without_gradients = import_module("torch").no_grad

    def run() -> Any:
        with without_gradients():
            return function(batch)

    return run


def by_two_kernels(frame: int, hop: int, n_fft: int) -> Callable[[Any], Any]:
    """Return a magnitude spectrogram with a kernel each for cosine and sine."""
    kernel = fourier_kernel(window_samples("hann", frame), n_fft)
    waves = [
        ops.convert_to_tensor(half[:, None]) for half in np.split(kernel, 2, axis=1)
    ]

    def spectrogram(audio: Any) -> Any:
        real, imaginary = (
            ops.conv(audio[..., None], wave, strides=hop, data_format="channels_last")
            for wave in waves
        )
        return ops.sqrt(ops.square(real) + ops.square(imaginary))

    return spectrogram


def rivals(
    frame: int, hop: int, n_fft: int, audio: np.ndarray
) -> tuple[dict[str, Run], dict[str, Run]]:
    """Return what spectrograms are made with: of a batch, and of one clip."""
    layers = {
        name: Spectrogram(
            frame_length=frame, hop_length=hop, n_fft=n_fft, implementation=name
        )
        for name in ("fft", "convolution")
    }
    batch = {name: compiled(layer, audio) for name, layer in layers.items()}
    batch["two_kernels"] = compiled(by_two_kernels(frame, hop, n_fft), audio)
    single: dict[str, Run] = {}
    if find_spec("librosa"):
        import librosa

        def clip_by_clip() -> list[Any]:
            return [
                np.abs(
                    librosa.stft(
                        clip,
                        n_fft=n_fft,
                        hop_length=hop,
                        win_length=frame,
                        center=False,
                    )
                )
                for clip in audio
            ]

        batch["librosa"] = clip_by_clip
    if BACKEND == "tensorflow":
        import tensorflow as tf

        batch["tf_signal"] = compiled(
            lambda clips: tf.abs(tf.signal.stft(clips, frame, hop, n_fft)), audio
        )
        single = {
            f"litert_{name}": litert(layer, audio[:1]) for name, layer in layers.items()
        }
    return batch, single


def litert(layer: Spectrogram, clip: np.ndarray) -> Run:
    """Return a run of the layer's exported graph on one clip, on one core."""
    from ai_edge_litert.interpreter import Interpreter

    from sonotype.exporters.litert import to_litert

    inputs = keras.Input(clip.shape[1:])
    model = keras.Model(inputs, layer(inputs))
    interpreter = Interpreter(model_content=to_litert(model), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], clip)
    return lambda: interpreter.invoke()


def measure_sizes(turns: int) -> list[dict[str, Any]]:
    """Return a row for each size."""
    rows = []
    rng = np.random.default_rng(0)
    for frame, hop, n_fft, n_samples in SIZES:
        audio = 0.1 * rng.standard_normal((BATCH_SIZE, n_samples)).astype(np.float32)
        batch, single = rivals(frame, hop, n_fft, audio)
        speeds = {
            name: round(n_clips / seconds)
            for runs, n_clips in ((batch, BATCH_SIZE), (single, 1))
            for name, seconds in medians(runs, turns=turns).items()
        }
        size = {"frame": frame, "hop": hop, "n_fft": n_fft, "n_samples": n_samples}
        columns = {f"{name}_clips_per_second": speed for name, speed in speeds.items()}
        rows.append({"backend": BACKEND, **size, **columns, "turns": turns})
        print(rows[-1], flush=True)
    return rows


def measure_share(recipe: str, *, turns: int) -> dict[str, Any]:
    """Return the front end's part of the recipe's training step."""
    import tensorflow as tf

    from sonotype.settings import read_settings
    from sonotype.training.build import build_model
    from sonotype.training.compile import compile_model

    settings = read_settings(recipe, overrides={"model.weights": "none"})
    n_classes, n_clips = 8, settings.training.batch_size
    model = compile_model(build_model(settings, n_classes), settings, n_steps=10_000)
    rng = np.random.default_rng(1)
    audio = 0.1 * rng.standard_normal((n_clips, settings.n_samples)).astype(np.float32)
    targets = np.eye(n_classes, dtype=np.float32)[rng.integers(0, n_classes, n_clips)]
    inputs = {"audio": audio, "target": targets}
    batches = iter(tf.data.Dataset.from_tensors((inputs, targets)).repeat())
    step = model.make_train_function() or model.train_function
    frontend = build_model(settings, n_classes).get_layer("frontend")
    # Compiled as the step is, or the two would not compare.
    graph = tf.function(frontend, jit_compile=model.jit_compile)
    batch = tf.constant(audio)
    runs = {"step": lambda: step(batches), "frontend": lambda: graph(batch)}
    took = medians(runs, turns=turns)
    # Processor time of all cores, which other programs on the machine do not lengthen.
    worked = medians(runs, turns=turns, clock=time.process_time)
    return {
        "recipe": recipe,
        "batch_size": n_clips,
        "step_milliseconds": round(1_000 * took["step"], 2),
        "frontend_milliseconds": round(1_000 * took["frontend"], 2),
        "share": round(took["frontend"] / took["step"], 4),
        "share_of_processor_time": round(worked["frontend"] / worked["step"], 4),
        "turns": turns,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=25)
    options = parser.parse_args()
    if BACKEND == "tensorflow":
        rows = [
            measure_share(recipe, turns=turns)
            for recipe, turns in TURNS_OF_RECIPE.items()
        ]
        print(*rows, sep="\n", flush=True)
        print("wrote", save("frontend_share", rows))
    rows = measure_sizes(options.turns)
    print("wrote", save(f"frontend_{BACKEND}", rows))


if __name__ == "__main__":
    main()
