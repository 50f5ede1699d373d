"""The public surface: it cannot grow, shrink or hide a module by accident."""

import ast
from pathlib import Path

import pytest

import sonotype

SOURCE = Path(sonotype.__file__).parent


@pytest.mark.parametrize("name", sonotype.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(sonotype, name).__doc__


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        f"{statement.module}:{alias.name}"
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert seen == {f"sonotype.{home}:{name}" for name, home in sonotype._HOME.items()}


def test_no_public_function_has_the_name_of_a_folder() -> None:
    folders = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert not folders & set(sonotype.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = sonotype.trian
