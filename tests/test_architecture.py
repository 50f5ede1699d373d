"""The architecture as tests: who may import whom, and how large a file may grow."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "sonotype"

# Data flows down this list; a core module may import those before it.
CORE = (
    "errors",
    "labels",
    "atomic",
    "clips",
    "events",
    "settings",
    "bundle",
    "runtime",
    "transport",
    "download",
    "user_cache",
    "worker_process",
)
# The layers each layer may import besides itself: this is the architecture.
MAY_IMPORT: dict[str, set[str]] = {
    "audio": {*CORE},
    "dataset": {*CORE, "audio"},
    "frontend": {*CORE},
    "augment": {*CORE},
    "models": {*CORE, "frontend"},
    "evaluation": {*CORE},
    "training": {
        *CORE,
        "audio",
        "dataset",
        "frontend",
        "augment",
        "models",
        "evaluation",
    },
    "exporters": {*CORE, "frontend", "models", "training"},
    "inference": {*CORE, "audio"},
}
HEAVY = {"tensorflow", "keras", "jax", "torch", "sklearn", "matplotlib"}
MAY_NAME_TENSORFLOW = {
    "training/tf_dataset.py",
    "exporters/litert.py",
    "exporters/onnx.py",
    "exporters/saved_model.py",
}
MAX_LINES = 400


def imported_names(file: Path) -> set[str]:
    """Return the full dotted names that `file` imports, at any depth of it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imported_layers(file: Path) -> set[str]:
    """Return the sonotype layers that `file` imports."""
    names = {name.split(".")[1] for name in imported_names(file) if "sonotype." in name}
    return names - {"__version__"}


def test_the_table_names_every_folder() -> None:
    folders = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert folders == {*MAY_IMPORT, "recipes", "interfaces"}


def test_the_list_names_every_core_module() -> None:
    assert {path.stem for path in SOURCE.glob("*.py")} == {*CORE, "__init__"}


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_layer_imports_only_layers_above_it(layer: str) -> None:
    for file in SOURCE.glob(f"{layer}/**/*.py"):
        illegal = imported_layers(file) - MAY_IMPORT[layer] - {layer}
        assert not illegal, f"{file} must not import {sorted(illegal)}"


@pytest.mark.parametrize("module", CORE)
def test_core_module_imports_only_earlier_ones(module: str) -> None:
    earlier = set(CORE[: CORE.index(module)])
    illegal = imported_layers(SOURCE / f"{module}.py") - earlier
    assert not illegal, f"{module} must not import {sorted(illegal)}"


def test_only_files_that_say_so_name_tensorflow() -> None:
    naming = {
        file.relative_to(SOURCE).as_posix()
        for file in SOURCE.rglob("*.py")
        if any(name.split(".")[0] == "tensorflow" for name in imported_names(file))
    }
    assert naming == MAY_NAME_TENSORFLOW


def test_no_file_is_too_long() -> None:
    for file in SOURCE.rglob("*.py"):
        n_lines = len(file.read_text(encoding="utf-8").splitlines())
        assert n_lines <= MAX_LINES, f"{file} has {n_lines} lines"


@pytest.mark.parametrize(
    "module",
    [
        "sonotype",
        "sonotype.inference.classifier",
        "sonotype.inference.event_detection",
        "sonotype.inference.online_detection",
        "sonotype.inference.scan",
        "sonotype.inference.stream",
        "sonotype.inference.writers",
        "sonotype.evaluation.evaluate",
        "sonotype.audio.io",
        "sonotype.dataset.split",
        "sonotype.frontend.mel",
        "sonotype.interfaces.cli.main",
    ],
)
def test_importing_it_imports_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print({HEAVY} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_the_help_does_not_wait_for_arrays_and_tables() -> None:
    code = (
        "import sys, sonotype.interfaces.cli.main\n"
        "print({'numpy', 'polars', 'pydantic', 'soundfile'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
