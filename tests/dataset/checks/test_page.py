import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonotype.dataset.checks.doctor import CheckReport, check_dataset
from sonotype.dataset.checks.findings import find
from sonotype.dataset.checks.page import render_page, write_page
from sonotype.errors import SettingError

NASTY = "<script>alert('&')"


class Tags(HTMLParser):
    """Collects tags and attributes, and checks that every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in {"meta", "rect"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag != "rect":
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def report(tmp_path: Path, rng: np.random.Generator) -> CheckReport:
    for label in ("no", "a & b <i>"):
        (tmp_path / label).mkdir()
        for i in range(3):
            samples = 0.1 * rng.standard_normal(4_000 * (i + 1))
            soundfile.write(tmp_path / label / f"{i}.wav", samples, 8_000)
    for name in (f"{NASTY[:8]}.wav", "b.wav"):
        soundfile.write(tmp_path / "no" / name, np.zeros(8_000), 8_000)
    return check_dataset(tmp_path)


def parsed(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    return tags


def test_it_is_well_formed_and_says_what_the_report_says(
    report: CheckReport, tmp_path: Path
) -> None:
    tags = parsed(render_page(report, root=tmp_path))
    for finding in report.findings:
        assert finding.message in tags.text
        assert finding.advice in tags.text
    assert "a & b <i>" in tags.text
    assert "no/b.wav" in tags.text
    assert str(tmp_path / "no") not in tags.text


def test_nothing_is_fetched_and_nothing_is_run(
    report: CheckReport, tmp_path: Path
) -> None:
    page = render_page(report, root=tmp_path)
    assert not re.search(r"https?:|url\(|@import", page)
    for tag, attributes in parsed(page).seen:
        assert tag not in {"script", "link", "img", "iframe", "i"}
        assert not any(name.startswith("on") for name in attributes)
        assert not {"src", "href"} & set(attributes)


def test_names_are_escaped_and_odd_bytes_survive(
    report: CheckReport, tmp_path: Path
) -> None:
    from dataclasses import replace

    bad = find("silent", NASTY, [Path("a\udcff.wav"), Path(NASTY)])
    page = tmp_path / "page.html"
    write_page(replace(report, findings=(bad,)), page, root=Path(NASTY))
    content = page.read_text(encoding="utf-8")
    assert NASTY not in content
    assert r"a\udcff.wav" in content
    assert parsed(content).text.count(NASTY) >= 2


def test_the_bars_are_as_long_as_the_counts(
    report: CheckReport, tmp_path: Path
) -> None:
    seen = parsed(render_page(report, root=tmp_path)).seen
    widths = [
        attributes["width"]
        for tag, attributes in seen
        if tag == "rect" and "rx" in attributes
    ]
    assert widths == ["60.00%", "100.00%"]
    heights = [
        float(attributes["height"] or 0)
        for tag, attributes in seen
        if tag == "rect" and "x" in attributes
    ]
    most = max(report.lengths.counts)
    assert heights == pytest.approx([100 * n / most for n in report.lengths.counts])


def test_long_lists_are_cut_and_say_so(report: CheckReport, tmp_path: Path) -> None:
    from dataclasses import replace

    many = find("clipped", "x", [Path(f"{i}.wav") for i in range(250)])
    pairs = tuple(find("duplicate", f"{i}", [Path("a")]) for i in range(130))
    text = parsed(
        render_page(replace(report, findings=(*pairs, many)), root=tmp_path)
    ).text
    assert "and 50 more" in text
    assert "and 30 more; --format json has all" in text


def test_a_set_without_findings_or_files(report: CheckReport, tmp_path: Path) -> None:
    from dataclasses import replace

    from sonotype.dataset.checks.doctor import Histogram

    empty = replace(
        report, findings=(), lengths=Histogram((), ()), length_seconds={}, classes=()
    )
    text = parsed(render_page(empty, root=tmp_path)).text
    assert "Nothing was found." in text
    assert "No file could be decoded." in text


def test_a_page_that_cannot_be_written(report: CheckReport, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot be written: No such file"):
        write_page(report, tmp_path / "gone" / "page.html", root=tmp_path)


def test_equal_lengths_need_no_picture(report: CheckReport, tmp_path: Path) -> None:
    from dataclasses import replace

    equal = replace(report, length_seconds={"0%": 1.0, "100%": 1.0})
    page = render_page(equal, root=tmp_path)
    assert "Every file lasts 1 s." in page
    assert "histogram" not in page
