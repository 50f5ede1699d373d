"""Reading tensors out of checkpoints that PyTorch wrote, and out of hostile ones."""

import base64
import io
import os
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonotype.errors import WeightsError
from sonotype.models.torch_checkpoint import read_torch_checkpoint

# What torch.save of PyTorch 2.13 made of a state_dict of four tensors, two of which
# share their numbers: as it writes today, and as it wrote before version 1.6.
WRITTEN = {
    "today": """
        eNqlVctu00AUndiJ8wDSB4+0BUp5J6ikeTVxebWKkEEY1DQIFLGJ3MSNLdyk1560AqlSJWglWJUfQN2y
        YMOGLb8AYsGCHYuCEGLLkhk7TW1XaQodZTKKM+fc47nn3imIrBehQADtGL2oH0l6RVEX5bGqhKX4wmNN
        yIfRI8dYYSqVhqbJFaw26kZoWq/Kuly9qVZwCFCsCJ5oiSNkS7JaUzAwFdwglPFyE6uaESrr8mxT1apl
        LNeNhl5eTIWAjUZLfoIwyE6pJoPXgoQErSHh+9bDEPhKHrInAVyJJWtloQl+kcMQmBGRyIjsGgRFVvSs
        QeiFQlUcwHCwCIdMKbip1+UqhBUSSfEqPoVTTGwPxbIiswa9oodS9FnYfgyHi3DEDFiHoxasJepuo15r
        azpmbklChPB5MAwQvljM4hjEMFSE4yVy1EiRtDk44aC5TR61aU6aNCkYJjQMhlPmK63CiOhZhdMW3RkM
        Z4twrrkM50tBsrk8L2OJ5gguLMPFEs0eRJchZh7koqwbJDdwSfQYhjEbL4j+QO3OvV/vSBg6Cx0dEEHB
        tgPicw19XsLlFpuQ91lGSFK697+/PqOi6exMN4Ry23St9JYlTa3V5+U6FvJpl7X2NLIZKmByCX4wJASz
        q4A+NNkWMPsEyw1qViF/9X/ibg1NxViTqYbV698Gqb+4XTWE0Q1HVY0lhPyVfQiwWFcmydcU+ZC5QubG
        FFUUWd98NUD+GOiiaNSpKCnko3tWxLZYaLyXX97+pAECXeJdc8ZLCXn+v08A8egDjf38TWmdVpd319g9
        Nge0nbyv/KdDNPrH17UH3f03jFLbBWC+uiHrKqmApxLtnmW1KuTj/ygmwWcmMjzPZ3IT2fFEhs+lxxOJ
        dCqXyfLZHPmV4hO5xEQ6TVVuTo9sRImOqKnSQ8W2ddo7Qu8O5e57wI22N4CIA8kwqFMPcZPYi3jIQTJj
        J9nROdw89kLsc/B8svG0G4Abbq+asAP+kEWu2nVj7RXgxH53Y5NurN3BTiy9NpwV48ba/dfjwH62YTuc
        u90Www5w0Ye6GLYgctzolr3Zy21k0LXeYqz1j2+rXXB+M+ctDdbN4eMsTNDcb+39C2+c5O0=""",
    "before 1.6": """
        eNptkstu00AUhj2241JDS7lTruXugBTR5qJkRReoQhquZjMbZLn2EBsZO8dzXASSpWwaAc/AgiWPwevw
        CEgsOLZDRaSMPGP5zDnf//vMTPWvdvLn297vrXc/Xm52pvqzXwatJWiO2NA0bZJnmAVZ4h3IXMVZCowS
        xBrtJDFiIj2ZhrGfgv5Z2BTEjxPpqfiTVGCUYDqiRUEVZTlCi+vCoK84RbC4KcyKkaVjWOFmUZBmQDKJ
        DJBUlP0iD2Uuw8dxgDZobReYIyyq+CDjcYSgB5jlQdTxCowTZXu53C/iJPRQpirLvYMdGwzHESuVOmX6
        YwlmU2LvJZmPr5ugDS2xTjmjXm/Q3e7v9Efdh8MhWLXRYFKQN+s5wrFXXOM6N2awyg3OZmB/iSpPxxFO
        uLBWG8MiT2UI6xHpRma0lHsyangbFc/g+gxOcVZhTze8MwhnXTgnGJWmcL5BzW0/pVYdub6wQB9ujwaD
        HlwkOiP6JtHb7YZ4CeGyC1fqZkd+8hauLkCfUOgIem0B2ht1+90BXCeoTtCtugWHcIOzQ7jZwG8h3Hbh
        TlHCXbFKpd57iX7oow/3SnAERTRol3C/PoZ/9+cBZ0qpfTrvN9UdWyLJlrVOX/bHhuzo2nwMtZ+W9v+Y
        PqJllx6aU5rfd9l8x5i//wLsocAQ""",
}


def write(path: Path, content: bytes, **members: bytes) -> Path:
    """Write an archive whose pickle is `content` and whose storages are `members`."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", content)
        for name, numbers in members.items():
            archive.writestr(f"x/{name}", numbers)
    return path


def store(path: Path, content: bytes, numbers: bytes = b"\0" * 24) -> Path:
    return write(path, content, **{"data/0": numbers})


def text(word: str) -> bytes:
    return b"X" + len(word).to_bytes(4, "little") + word.encode()


def whole(number: int) -> bytes:
    return b"J" + number.to_bytes(4, "little", signed=True)


def group(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def tensor(
    shape: tuple[int, ...], steps: tuple[int, ...], first: int = 0, kind: str = "Float"
) -> bytes:
    """Return the pickle of a dict of one tensor called `w`, written by hand."""
    storage = group(
        text("storage"),
        f"ctorch\n{kind}Storage\n".encode(),
        text("0"),
        text("cpu"),
        whole(6),
    )
    arguments = group(
        storage + b"Q",
        whole(first),
        group(*map(whole, shape)),
        group(*map(whole, steps)),
        b"\x89",
        b"ccollections\nOrderedDict\n)R",
    )
    rebuilt = b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R"
    return b"\x80\x02}" + text("w") + rebuilt + b"s."


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("form", WRITTEN)
def test_what_pytorch_wrote_is_read(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(zlib.decompress(base64.b64decode(WRITTEN[form])))
    found = read_torch_checkpoint(path)
    expected: dict[str, np.ndarray] = {
        "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
        "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "n": np.array(3, np.int64),
        "half": np.array([0.5, -2.0], np.float16),
    }
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    found["weight"][:] = 0  # its own array: neither read-only nor shared
    np.testing.assert_array_equal(found["turned"], expected["turned"])


@pytest.mark.parametrize("old", [False, True])
def test_what_the_installed_pytorch_writes_is_read(tmp_path: Path, old: bool) -> None:
    torch = pytest.importorskip("torch")
    base = torch.arange(24.0).reshape(2, 3, 4)
    tensors = {
        "part": base[1:, 1],
        "turned": base.transpose(0, 2),
        "parameter": torch.nn.Parameter(base[0]),
        "spread": base[:1, :, :1].expand(1, 3, 4),
        "empty": torch.zeros(0, 3),
        "flag": base > 3,
        "small": base.to(torch.int8),
        "number": torch.tensor(7.0, dtype=torch.float64),
    }
    path = tmp_path / "a.pth"
    torch.save(tensors, path, _use_new_zipfile_serialization=not old)
    found = read_torch_checkpoint(path)
    assert list(found) == list(tensors)
    for name, array in found.items():
        np.testing.assert_array_equal(array, tensors[name].detach().numpy())


def test_big_endian_files_are_turned_round(tmp_path: Path) -> None:
    numbers = np.arange(6, dtype=">f4").tobytes()
    path = write(
        tmp_path / "a.pt",
        tensor((6,), (1,)),
        **{"data/0": numbers, "byteorder": b"big"},
    )
    found = read_torch_checkpoint(path)["w"]
    np.testing.assert_array_equal(found, np.arange(6, dtype=np.float32))
    assert found.dtype == np.float32


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("in_archive", [True, False])
def test_nothing_in_a_file_is_ever_run(
    tmp_path: Path, protocol: int, in_archive: bool
) -> None:
    trap, path = tmp_path / "made", tmp_path / "a.pt"
    content = pickle.dumps({"w": Evil(trap)}, protocol=protocol)
    pickle.loads(content)  # noqa: S301 (it is our own)
    trap.rmdir()  # the trap works
    if in_archive:
        write(path, content)
    else:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"a\.pt is not a plain state_dict of PyTor"):
        read_torch_checkpoint(path)
    assert not trap.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"cos\nsystem\n" + group(text("true")) + b"R.", "it asks for os system"),
        (text("os") + text("system") + b"\x93)R.", "it asks for os system"),
        (b"(S'true'\nios\nsystem\n.", "it uses STRING"),
        (b"(ios\nsystem\n.", "it uses INST"),
        (b"(cos\nsystem\no.", "it uses OBJ"),
        (b"cos\nsystem\n)\x81.", "it uses NEWOBJ"),
        (b"\x82\x01.", "it uses EXT1"),
        (tensor((6,), (1,), kind="Untyped"), "it stores torch UntypedStorage"),
        (b"ccollections\nOrderedDict\n" + group(b")") + b"R.", "a dict of something"),
        (text("torch") + b")R.", "it asks for torch"),
        (b"K\x07.", "it holds no dict of tensors"),
        (b"}" + text("epoch") + b"K\x07s.", "'epoch' names no tensor"),
        (b"}K\x01" + text("w") + b"s.", "1 names no tensor"),
        (b"K\x01K\x02K\x03s.", "it puts items into a int"),
        (b"K\x01K\x02a.", "it appends to a int"),
        (b"K\x01\x87.", "it takes more than there is"),
        (tensor((7,), (1,)), "'w' is larger than what is stored"),
        (tensor((2, 3), (1,)), "'w' is larger than what is stored"),
        (tensor((6,), (1,), first=1), "'w' goes beyond what is stored"),
        (tensor((2, 3), (3, 2)), "'w' goes beyond what is stored"),
        (tensor((6,), (-1,), first=5), "'w' has a shape that is none"),
        (tensor((-1,), (1,)), "'w' has a shape that is none"),
        (tensor((100_000, 100_000), (0, 0)), "'w' is larger than what is stored"),
    ],
)
def test_what_is_no_dict_of_tensors_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = store(tmp_path / "a.pt", content)
    with pytest.raises(WeightsError, match=message) as caught:
        read_torch_checkpoint(path)
    assert str(caught.value).startswith(f"{path} is not a plain state_dict")


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"text", b"\x80\x02.", b"\x80\x02K\x01.", tensor((6,), (1,))[:-20]],
)
def test_damaged_files_are_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"a\.pt (is not a|cannot be read as a) .*;"):
        read_torch_checkpoint(path)
    with pytest.raises(WeightsError, match=r"cannot be read .*No such file"):
        read_torch_checkpoint(tmp_path / "none.pt")


def test_archives_of_other_things_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/other.pkl", tensor((6,), (1,)))
    with pytest.raises(WeightsError, match=r"it has no data\.pkl"):
        read_torch_checkpoint(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", tensor((6,), (1,)))
    with pytest.raises(WeightsError, match="it is compressed"):
        read_torch_checkpoint(path)


@given(st.data())
def test_any_change_to_a_file_gives_arrays_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    form = data.draw(st.sampled_from(sorted(WRITTEN)))
    content = zlib.decompress(base64.b64decode(WRITTEN[form]))
    if form == "today":  # or else the checksum of the archive notices everything
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = archive.read("archive/data.pkl")
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(changed) - 1))
        changed[position] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "changed.pt"
    if form == "today":
        store(path, bytes(changed))
    else:
        path.write_bytes(changed)
    try:
        found = read_torch_checkpoint(path)
    except WeightsError:
        return
    assert all(isinstance(array, np.ndarray) for array in found.values())
