"""The report as one HTML file that needs nothing else, also offline."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from sonotype.atomic import output_file
from sonotype.dataset.checks.doctor import CheckReport, ClassRow, Histogram
from sonotype.dataset.checks.findings import (
    KINDS,
    Finding,
    count_by_severity,
)

# A page with a million names would not open; the JSON has them all.
_MOST_FINDINGS = 100
_MOST_PATHS = 200
# As few as these are shown at once; more are folded away.
_FEW_PATHS = 4

_STYLE = """
:root { color-scheme: light dark; --text: #1c2330; --soft: #5c6675; --line: #d9dee6;
  --back: #fff; --card: #f6f8fa; --bar: #2f6fb0; --error: #b3261e; --warning: #8a5a00;
  --note: #2f6fb0; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e8ee; --soft: #9aa5b4;
  --line: #343c48; --back: #14181e; --card: #1c222a; --bar: #6aa9e9; --error: #ff8a80;
  --warning: #f0b849; --note: #6aa9e9; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1rem 4rem; color: var(--text);
  background: var(--back); font: 16px/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 0; } p { margin: .3rem 0; } .soft { color: var(--soft); }
.tiles { display: grid; gap: .6rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fit, minmax(6.2rem, 1fr)); }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: .5rem .9rem; }
.tile b { display: block; font-size: 1.3rem; }
.columns { display: grid; gap: 0 2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 13rem), 1fr)); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td, th { padding: .15rem .5rem .15rem 0; text-align: left; font-weight: normal;
  vertical-align: middle; }
thead th { color: var(--soft); border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; white-space: nowrap; }
td.bar { width: 45%; } svg { display: block; width: 100%; } rect { fill: var(--bar); }
.axis { display: flex; justify-content: space-between; color: var(--soft);
  font-size: .85rem; border-top: 1px solid var(--line); }
.kind { border: 1px solid var(--line); border-left: .3rem solid; border-radius: .4rem;
  padding: .7rem .9rem; margin: .8rem 0; background: var(--card); }
.kind.error { border-left-color: var(--error); } .error .level { color: var(--error); }
.kind.warning { border-left-color: var(--warning); }
.warning .level { color: var(--warning); }
.kind.note { border-left-color: var(--note); } .note .level { color: var(--note); }
.level { font-size: .8rem; font-weight: bold; text-transform: uppercase;
  letter-spacing: .04em; }
details, .finding { margin: .35rem 0; } summary { cursor: pointer; }
ul { margin: .3rem 0; padding-left: 1.2rem; }
li { font: .85rem/1.5 ui-monospace, monospace; }
.scroll { max-height: 34rem; overflow-y: auto; }
"""


def write_page(report: CheckReport, path: Path, *, root: Path) -> None:
    """Write a report as one HTML file.

    Args:
        report: What was found.
        path: The file to write; replaced if it is there.
        root: The data folder; paths below it are written relative to it.

    Raises:
        SettingError: If the file cannot be written.
    """
    # A name that is no valid UTF-8 is written with its bytes as numbers.
    content = render_page(report, root=root).encode("utf-8", "backslashreplace")
    with output_file(path) as partial:
        partial.write_bytes(content)


def render_page(report: CheckReport, *, root: Path) -> str:
    """Return a report as HTML; nothing in it is fetched from anywhere.

    Args:
        report: What was found.
        root: The data folder; paths below it are written relative to it.
    """
    name = escape(root.resolve().name or str(root))
    body = [
        f"<h1>{name}</h1>",
        '<p class="soft">What is in this data set, and what is wrong with it: '
        "<code>sonotype check</code></p>",
        _tiles(report),
        "<h2>Findings</h2>",
        _findings(report.findings, root),
        "<h2>Classes</h2>",
        _classes(report.classes),
        "<h2>Length of the files</h2>",
        _lengths(report.lengths, report.length_seconds),
        "<h2>Files</h2>",
        '<div class="columns">',
        _tally("format", report.formats),
        _tally("encoding", report.encodings),
        _tally("rate", {f"{rate:,} Hz": n for rate, n in report.sample_rates.items()}),
        _tally("channels", report.channels),
        "</div>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{name}: sonotype check</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _tiles(report: CheckReport) -> str:
    tiles = {
        "files": f"{report.n_files:,}",
        "hours": f"{report.hours:.2f}",
        "clips": f"{report.n_clips:,}",
        "classes": f"{len(report.classes):,}",
        "groups": f"{report.n_groups:,}",
    }
    tiles |= {
        f"{severity}s": f"{n:,}"
        for severity, n in count_by_severity(report.findings).items()
    }
    cells = (
        f'<div class="tile"><b>{value}</b>{name}</div>' for name, value in tiles.items()
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def _findings(findings: Sequence[Finding], root: Path) -> str:
    if not findings:
        return "<p>Nothing was found.</p>"
    return "\n".join(
        _kind(kind, list(group), root)
        for kind, group in groupby(findings, key=lambda finding: finding.kind)
    )


def _kind(kind: str, findings: Sequence[Finding], root: Path) -> str:
    known = KINDS[kind]
    number = f" &times; {len(findings):,}" if len(findings) > 1 else ""
    entries = "\n".join(_finding(item, root) for item in findings[:_MOST_FINDINGS])
    if len(findings) > _MOST_FINDINGS:
        left = len(findings) - _MOST_FINDINGS
        entries += f'<p class="soft">and {left:,} more; --format json has all</p>'
    return (
        f'<section class="kind {known.severity}">'
        f'<div class="level">{known.severity}</div>'
        f"<h3>{escape(known.title)}{number}</h3>"
        f'<p class="soft">{escape(known.advice)}</p>'
        f'<div class="scroll">{entries}</div></section>'
    )


def _finding(finding: Finding, root: Path) -> str:
    if not finding.paths:
        return f"<p>{escape(finding.message)}</p>"
    names = [escape(_relative(path, root)) for path in finding.paths[:_MOST_PATHS]]
    if len(names) <= _FEW_PATHS:
        items = "".join(f"<li>{name}</li>" for name in names)
        return f'<div class="finding">{escape(finding.message)}<ul>{items}</ul></div>'
    if len(finding.paths) > _MOST_PATHS:
        names.append(f"and {len(finding.paths) - _MOST_PATHS:,} more")
    items = "".join(f"<li>{name}</li>" for name in names)
    return (
        f"<details><summary>{escape(finding.message)}</summary><ul>{items}</ul>"
        "</details>"
    )


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _classes(rows: Sequence[ClassRow]) -> str:
    most = max((row.n_clips for row in rows), default=1) or 1
    return _table(
        ("class", "clips", "", "groups"),
        (
            f'<td>{escape(row.label)}</td><td class="number">{row.n_clips:,}</td>'
            f'<td class="bar">{_bar(row.n_clips / most)}</td>'
            f'<td class="number">{row.n_groups:,}</td>'
            for row in rows
        ),
    )


def _tally(name: str, counts: Mapping[str, int] | Mapping[int, int]) -> str:
    return _table(
        (name, "files"),
        (
            f'<td>{escape(str(key))}</td><td class="number">{n:,}</td>'
            for key, n in counts.items()
        ),
    )


def _table(heads: Sequence[str], rows: Iterable[str]) -> str:
    numbers = {"clips", "files", "groups"}
    head = "".join(
        f'<th class="number">{name}</th>' if name in numbers else f"<th>{name}</th>"
        for name in heads
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _bar(share: float) -> str:
    return (
        '<svg height="12" aria-hidden="true">'
        f'<rect width="{100 * share:.2f}%" height="12" rx="2"/></svg>'
    )


def _lengths(lengths: Histogram, quantiles: Mapping[str, float]) -> str:
    if not lengths.counts:
        return "<p>No file could be decoded.</p>"
    if quantiles["0%"] == quantiles["100%"]:
        return f"<p>Every file lasts {quantiles['0%']:.6g} s.</p>"
    first, last = lengths.edges_seconds[0], lengths.edges_seconds[-1]
    words = ", ".join(f"{name} {value:.3g} s" for name, value in quantiles.items())
    return (
        f"{_histogram(lengths)}"
        f'<div class="axis"><span>{first:.3g} s</span><span>{last:.3g} s</span></div>'
        f'<p class="soft">Quantiles: {escape(words)}</p>'
    )


def _histogram(lengths: Histogram) -> str:
    """Draw one bar a bin; its tooltip has the numbers."""
    most, width = max(lengths.counts), 100 / len(lengths.counts)
    bars = []
    for i, count in enumerate(lengths.counts):
        # A bin of one file must not be too low to see.
        height = max(100 * count / most, 1.5) if count else 0.0
        low, high = lengths.edges_seconds[i], lengths.edges_seconds[i + 1]
        bars.append(
            f'<rect x="{i * width:.3f}" y="{100 - height:.2f}" '
            f'width="{0.9 * width:.3f}" height="{height:.2f}">'
            f"<title>{low:.3g} to {high:.3g} s: {count:,} files</title></rect>"
        )
    return (
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" height="160" role="img" '
        f'aria-label="histogram of file lengths">{"".join(bars)}</svg>'
    )
