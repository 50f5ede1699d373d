"""Read the tensors of a PyTorch checkpoint without PyTorch and without running it.

A checkpoint is a pickle, and unpickling runs whatever a file asks for. Here the pickle
is not loaded but read: a machine that knows thirty of its instructions builds dicts,
tuples and descriptions of tensors, and has nothing that could be called.
"""

import io
import math
import operator
import pickletools
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from sonotype.errors import WeightsError

# PyTorch's names of what a storage is made of.
_STORAGES = {
    "torch DoubleStorage": "f8",
    "torch FloatStorage": "f4",
    "torch HalfStorage": "f2",
    "torch LongStorage": "i8",
    "torch IntStorage": "i4",
    "torch ShortStorage": "i2",
    "torch CharStorage": "i1",
    "torch ByteStorage": "u1",
    "torch BoolStorage": "?",
}
_DICT = "collections OrderedDict"
_TENSOR = "torch._utils _rebuild_tensor_v2"
_PARAMETER = "torch._utils _rebuild_parameter"
# How a file begins that is no zip archive, before PyTorch 1.6.
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C


class _RefusedError(Exception):
    """The file holds something that is no tensor in a dict."""


@dataclass(frozen=True)
class _Name:
    """Something a pickle names; it stays a name."""

    name: str


@dataclass(frozen=True)
class _Storage:
    """A run of numbers of one type."""

    key: str
    kind: str
    n_items: int


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage."""

    storage: _Storage
    first: int
    shape: tuple[int, ...]
    steps: tuple[int, ...]


def read_torch_checkpoint(path: Path) -> dict[str, np.ndarray]:
    """Return the tensors of a `.pt` or `.pth` file that holds nothing else.

    Nothing in the file is run. Both forms that PyTorch has written are read.

    Args:
        path: A file written by `torch.save(model.state_dict(), path)`.

    Returns:
        Arrays by the names they have in the file, in its order.

    Raises:
        WeightsError: If it cannot be read, is damaged, or holds something else.
    """
    try:
        with path.open("rb") as file:
            if file.read(2) == b"PK":
                return _from_archive(file)
            file.seek(0)
            # A file may claim any size; of these bytes no more than there are is taken.
            return _from_stream(io.BytesIO(file.read()))
    except _RefusedError as error:
        raise WeightsError(
            f"{path} is not a plain state_dict of PyTorch: {error}; "
            "save model.state_dict() alone"
        ) from error
    except Exception as error:  # damaged bytes can break any step of reading
        raise WeightsError(
            f"{path} cannot be read as a PyTorch checkpoint "
            f"({type(error).__name__}: {error}); fetch it again"
        ) from error


def _from_archive(file: IO[bytes]) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(names) != 1:
            raise _RefusedError("it has no data.pkl")
        folder = names[0].removesuffix("data.pkl")
        if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
            raise _RefusedError("it is compressed")
        order = "<"
        if f"{folder}byteorder" in archive.namelist():
            order = "<" if archive.read(f"{folder}byteorder") == b"little" else ">"
        tensors = _tensors(_Machine().run(io.BytesIO(archive.read(names[0]))))
        content = {
            key: archive.read(f"{folder}data/{key}")
            for key in {tensor.storage.key for tensor in tensors.values()}
        }
    return _arrays(tensors, content, order)


def _from_stream(file: IO[bytes]) -> dict[str, np.ndarray]:
    """Read five pickles, then the storages, each behind its length."""
    if _Machine().run(file) != _MAGIC_NUMBER:
        raise _RefusedError("it begins like none")
    _Machine().run(file)  # the version of the form, of which there was one
    system = _Machine().run(file)
    order = "<" if system["little_endian"] else ">"
    tensors = _tensors(_Machine().run(file))
    kinds = {item.storage.key: item.storage.kind for item in tensors.values()}
    content = {}
    for key in _Machine().run(file):
        n_items = int(np.frombuffer(file.read(8), f"{order}i8")[0])
        if n_items < 0 or key not in kinds:
            raise _RefusedError(f"storage {key} belongs to no tensor")
        content[key] = file.read(n_items * np.dtype(kinds[key]).itemsize)
    return _arrays(tensors, content, order)


def _tensors(found: Any) -> dict[str, _Tensor]:
    if not isinstance(found, dict):
        raise _RefusedError("it holds no dict of tensors")
    for name, item in found.items():
        if not isinstance(name, str) or not isinstance(item, _Tensor):
            raise _RefusedError(f"{name!r} names no tensor")
    return found


def _arrays(
    tensors: Mapping[str, _Tensor], content: Mapping[str, bytes], order: str
) -> dict[str, np.ndarray]:
    return {
        name: _array(name, tensor, content[tensor.storage.key], order)
        for name, tensor in tensors.items()
    }


def _array(name: str, tensor: _Tensor, content: bytes, order: str) -> np.ndarray:
    """Return a tensor as an array of its own, after checking that it is all there."""
    items = np.frombuffer(content, order + tensor.storage.kind)
    numbers = (tensor.first, *tensor.shape, *tensor.steps)
    if any(not isinstance(number, int) or number < 0 for number in numbers):
        raise _RefusedError(f"{name!r} has a shape that is none")
    if len(tensor.shape) != len(tensor.steps) or math.prod(tensor.shape) > len(items):
        raise _RefusedError(f"{name!r} is larger than what is stored")
    if 0 in tensor.shape:
        return np.zeros(tensor.shape, items.dtype.newbyteorder("="))
    last = tensor.first + sum(
        (size - 1) * step for size, step in zip(tensor.shape, tensor.steps, strict=True)
    )
    if last >= len(items):
        raise _RefusedError(f"{name!r} goes beyond what is stored")
    view = np.lib.stride_tricks.as_strided(
        items[tensor.first :],
        tensor.shape,
        [step * items.itemsize for step in tensor.steps],
        writeable=False,
    )
    return view.astype(items.dtype.newbyteorder("="))


class _Machine:
    """Reads one pickle; what it has no instruction for is refused."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def run(self, stream: IO[bytes]) -> Any:
        """Return what a pickle describes; the stream is left behind its end."""
        for instruction, argument, _ in pickletools.genops(stream):
            step = _INSTRUCTIONS.get(instruction.name)
            if step is None:
                raise _RefusedError(f"it uses {instruction.name}")
            step(self, argument)
        return self._stack.pop()

    def push(self, item: Any) -> None:
        self._stack.append(item)

    def mark(self, _: Any) -> None:
        self._marks.append(len(self._stack))

    def after_mark(self) -> list[Any]:
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def last(self, n_items: int) -> list[Any]:
        start = len(self._stack) - n_items
        if start < 0:
            raise _RefusedError("it takes more than there is")
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def keep(self, index: int | None) -> None:
        self._memo[len(self._memo) if index is None else index] = self._stack[-1]

    def fetch(self, index: int) -> None:
        self.push(self._memo[index])

    def set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict):
            raise _RefusedError(f"it puts items into a {type(target).__name__}")
        target.update(zip(items[::2], items[1::2], strict=True))

    def append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise _RefusedError(f"it appends to a {type(target).__name__}")
        target.extend(items)

    def name(self, argument: str | None) -> None:
        self.push(_Name(argument if argument is not None else " ".join(self.last(2))))

    def storage(self, _: Any) -> None:
        word, kind, key, _place, n_items = self.last(1)[0][:5]
        if word != "storage" or kind.name not in _STORAGES:
            raise _RefusedError(f"it stores {getattr(kind, 'name', kind)}")
        self.push(_Storage(str(key), _STORAGES[kind.name], n_items))

    def reduce(self, _: Any) -> None:
        """Make the three things that a state_dict is made of; nothing is called."""
        function, arguments = self.last(2)
        known = _MAKERS.get(function.name) if isinstance(function, _Name) else None
        if known is None:
            raise _RefusedError(f"it asks for {getattr(function, 'name', function)}")
        self.push(known(arguments))

    def forget_state(self, _: Any) -> None:
        """Drop the attributes of a dict; PyTorch keeps versions of modules there."""
        self.last(1)


def _make_dict(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    if arguments:
        raise _RefusedError("it makes a dict of something")
    return {}


def _make_tensor(arguments: tuple[Any, ...]) -> _Tensor:
    storage, first, shape, steps = arguments[:4]
    if not isinstance(storage, _Storage):
        raise _RefusedError("it makes a tensor of something")
    return _Tensor(storage, first, tuple(shape), tuple(steps))


_MAKERS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    _DICT: _make_dict,
    _TENSOR: _make_tensor,
    _PARAMETER: operator.itemgetter(0),
}


def _ignore(_machine: _Machine, _argument: Any) -> None:
    pass


_INSTRUCTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": _ignore,
    "FRAME": _ignore,
    "STOP": _ignore,
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    **dict.fromkeys(
        [
            "BININT",
            "BININT1",
            "BININT2",
            "LONG1",
            "BINFLOAT",
            "BINUNICODE",
            "SHORT_BINUNICODE",
        ],
        _Machine.push,
    ),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "MARK": _Machine.mark,
    "TUPLE": lambda machine, _: machine.push(tuple(machine.after_mark())),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.last(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.last(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.last(3))),
    "SETITEM": lambda machine, _: machine.set_items(machine.last(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.after_mark()),
    "APPEND": lambda machine, _: machine.append(machine.last(1)),
    "APPENDS": lambda machine, _: machine.append(machine.after_mark()),
    **dict.fromkeys(["BINPUT", "LONG_BINPUT", "MEMOIZE"], _Machine.keep),
    **dict.fromkeys(["BINGET", "LONG_BINGET"], _Machine.fetch),
    **dict.fromkeys(["GLOBAL", "STACK_GLOBAL"], _Machine.name),
    "BINPERSID": _Machine.storage,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.forget_state,
}
