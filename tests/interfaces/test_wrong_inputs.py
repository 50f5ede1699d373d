"""Wrong inputs, as a stranger types them: one sentence and an exit code, no trace."""

import os
import re
from pathlib import Path

import pytest

from sonotype.interfaces.cli.main import main

DATA = Path(__file__).parents[1] / "data"
BUNDLE = str(DATA / "tones_v1.sonotype")
EMBEDDING = str(DATA / "tones_embedding_v1.sonotype")
SOUND = str(DATA / "low.wav")


@pytest.fixture
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with a file, an empty folder and a folder of one sound."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("no sound")
    (tmp_path / "empty").mkdir()
    for label in ("a", "b"):
        (tmp_path / "sounds" / label).mkdir(parents=True)
        (tmp_path / "sounds" / label / "1.wav").write_bytes(Path(SOUND).read_bytes())


WRONG = [
    ("train sounds --out file/x", 2, "file/x cannot be made: Not a directory"),
    ("train sounds --out file", 2, "file exists and is not a folder"),
    ("train none --out x", 1, "none: there is no such folder"),
    ("train empty --out x", 1, "empty: has no class folder with recordings"),
    ("train sounds --out x --classes a,wren", 2, "class 'wren' is unknown; choose"),
    ("train sounds --out x --epochs -1", 2, "'training.epochs': .* greater than 0"),
    (
        "train sounds --out x --recipe efficientat --weights none",
        2,
        "random weights have nothing to transfer; use --transfer scratch, or start",
    ),
    ("train sounds --out x --config none", 2, "none cannot be read: No such file"),
    ("train sounds --out x --budget -5", 2, "'--budget': '-5' is no time"),
    ("compare sounds --seed -1", 2, "'seed': .* greater than or equal to 0"),
    ("demo --out file", 2, "file/words.sonotype cannot be made: Not a directory"),
    ("predict file SOUND", 1, "file is not a bundle: .*Not a directory"),
    ("predict BUNDLE empty", 1, "1 file was set aside:"),
    ("evaluate BUNDLE sounds --picture x.docx", 2, "cannot be written as '.docx'"),
    ("plot SOUND --out x.docx", 2, "x.docx: a picture cannot be written as '.docx'"),
    ("plot SOUND --out file/x.png", 2, "file/x.png cannot be made: Not a directory"),
    ("plot SOUND --out empty --force", 2, "a picture cannot be written as 'that'"),
    ("hear SOUND --out x --data sounds", 1, "sounds: there are no recordings in"),
    ("scan BUNDLE empty", 1, "empty: holds no audio files"),
    ("scan BUNDLE SOUND --workers 2", 2, "--workers is for scores in a folder"),
    ("scan BUNDLE SOUND --shard 1/2", 2, "--shard is for scores in a folder"),
    ("scan BUNDLE SOUND --threshold 90", 2, "--threshold '90' is not from 0 to 1"),
    ("scan BUNDLE SOUND --off low=-1", 2, "--off 'low=-1' is not from 0 to 1"),
    ("scan BUNDLE SOUND --threshold nan", 2, "--threshold 'nan' is not from 0 to 1"),
    ("embed EMBEDDING empty --out x.npy", 1, "empty: holds no audio files"),
    ("embed EMBEDDING SOUND --out file/x.npy", 2, "file/x.npy cannot be made"),
    ("events empty --collar 0.1", 2, "--collar is about a comparison; name the anno"),
    ("events empty --onset-only", 2, "--onset-only is about a comparison"),
    ("events empty --overlap 0.3", 2, "--overlap is about a comparison"),
    ("cache list --cache file", 2, "file is a file, not a folder of decoded audio"),
    ("info file", 1, "file: cannot be read: it is not audio"),
]


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize(("command", "code", "sentence"), WRONG)
def test_it_is_one_sentence(
    command: str, code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"BUNDLE": BUNDLE, "EMBEDDING": EMBEDDING, "SOUND": SOUND}
    before = sorted(os.walk("."))
    with pytest.raises(SystemExit) as stopped:
        main([names.get(word, word) for word in command.split()])
    assert stopped.value.code == code
    told = capsys.readouterr().err
    assert re.search(sentence, told), told
    assert "Traceback" not in told
    assert sorted(os.walk(".")) == before
