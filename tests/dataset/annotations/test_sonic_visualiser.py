from pathlib import Path

import pytest

from sonotype.dataset.annotations.event_table import read_event_table
from sonotype.dataset.annotations.sonic_visualiser import (
    is_layer_csv,
    is_svl,
    read_layer_csv,
    read_sonic_visualiser,
)
from sonotype.errors import DataError
from sonotype.events import Event

AUDIO = Path("a.wav")
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE sonic-visualiser>\n'


def layer(points: str, *, model: str = 'subtype="box" units="Hz"') -> str:
    return (
        f'{HEAD}<sv>\n<data>\n<model id="2" sampleRate="48000" start="0" end="9" '
        f'type="sparse" dataset="1" {model}/>\n<dataset id="1" dimensions="2">\n'
        f"{points}\n</dataset>\n</data>\n<display>\n"
        '<layer id="3" type="boxes" model="2"/>\n</display>\n</sv>\n'
    )


def write(folder: Path, text: str, name: str = "a.svl") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_boxes_have_times_and_frequencies(tmp_path: Path) -> None:
    points = (
        '<point frame="24000" value="3672.5" duration="12000" extent="1698.5" '
        'label="wren &amp; &quot;robin&quot;" />'
    )
    (event,) = read_sonic_visualiser(write(tmp_path, layer(points)), recording=AUDIO)
    assert event == Event(AUDIO, 'wren & "robin"', 0.5, 0.75, 3672.5, 5371.0)


def test_regions_and_instants_have_no_frequencies(tmp_path: Path) -> None:
    points = (
        '<point frame="24000" value="3" duration="12000" label="a"/>\n'
        '<point frame="48000" label="b"/>'
    )
    text = layer(points, model='subtype="region" units=""')
    events = read_sonic_visualiser(write(tmp_path, text), recording=AUDIO)
    assert list(events) == [Event(AUDIO, "a", 0.5, 0.75), Event(AUDIO, "b", 1, 1)]
    named = read_sonic_visualiser(write(tmp_path, text), recording=AUDIO, label="x")
    assert named.label_names() == ["x"]


def test_wrong_points_are_set_aside(tmp_path: Path) -> None:
    points = (
        '<point label="a"/>\n<point frame="-1" label="a"/>\n<point frame="0"/>\n'
        '<point frame="0" duration="x" label="a"/>'
    )
    events = read_sonic_visualiser(write(tmp_path, layer(points)), recording=AUDIO)
    assert len(events) == 0
    assert [item.reason.partition(": ")[2] for item in events.rejected] == [
        "its frame '' is not a number",
        f"its time {-1 / 48_000:.15g} s is negative",
        "it has no label",
        "its duration 'x' is not a number",
    ]
    assert events.rejected[0].reason.startswith("line 7: ")


def test_the_layers_own_model_counts(tmp_path: Path) -> None:
    text = layer('<point frame="48000" label="a"/>').replace(
        "<data>", '<data><model type="wavefile" sampleRate="8000"/>'
    )
    (event,) = read_sonic_visualiser(write(tmp_path, text), recording=AUDIO)
    assert event.start_seconds == 1.0


def test_entities_are_never_expanded(tmp_path: Path) -> None:
    bomb = '<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">'
    for evil in (bomb, '<!ENTITY a SYSTEM "file:///etc/passwd">', '<!ENTITY % a "b">'):
        text = layer("").replace("sonic-visualiser>", f"sonic-visualiser [{evil}]>")
        with pytest.raises(DataError, match=r"defines the entity 'a', .*do not trust"):
            read_sonic_visualiser(write(tmp_path, text), recording=AUDIO)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"is not a Sonic Visualiser layer \(no element found"),
        ("hello", r"is not a Sonic Visualiser layer \(syntax error"),
        (layer("")[:-9], r"is not a Sonic Visualiser layer \("),
        ("<html/>", "it has no model with a sample rate"),
        ("<sv><data/></sv>", "it has no model with a sample rate"),
        ('<sv><model sampleRate="x"/></sv>', "its sample rate 'x' is not a number"),
        (
            '<sv><model sampleRate="0"/></sv>',
            r"its sample rate 0\.0 Hz is not positive",
        ),
        ('<?xml version="1.0" encoding="no-such"?><sv/>', "is not a Sonic Visualiser"),
    ],
)
def test_another_file(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_sonic_visualiser(write(tmp_path, text), recording=AUDIO)


def test_a_layer_is_known_by_its_beginning() -> None:
    assert is_svl(layer(""))
    assert not is_svl("<html/>")
    assert is_layer_csv("0.5,wren\n")
    assert not is_layer_csv("time,label\n")
    assert not is_layer_csv('"')


def test_layers_as_csv(tmp_path: Path) -> None:
    regions = write(tmp_path, "0.500000000,3,0.25,wren\n1,3,x,wren\n", "a.csv")
    events = read_layer_csv(regions, recording=AUDIO)
    assert list(events) == [Event(AUDIO, "wren", 0.5, 0.75)]
    assert events.rejected[0].reason == "line 2: its duration 'x' is not a number"
    instants = write(tmp_path, '0.5,"wren, far"\n', "a.csv")
    (event,) = read_layer_csv(instants, recording=AUDIO)
    assert event == Event(AUDIO, "wren, far", 0.5, 0.5)


def test_boxes_as_csv_need_their_columns(tmp_path: Path) -> None:
    box = Event(AUDIO, "wren", 0.5, 0.75, 3_000, 5_000)
    path = write(tmp_path, "0.5,0.75,3000,5000,wren\n", "a.csv")
    with pytest.raises(DataError, match="not a layer of instants or regions; export"):
        read_layer_csv(path, recording=AUDIO)
    columns = ["start", "end", "low_hz", "high_hz", "label"]
    assert list(read_layer_csv(path, recording=AUDIO, columns=columns)) == [box]
    header = "START,END,EXTENT START,EXTENT END,LABEL\n"
    path = write(tmp_path, header + path.read_text(), "b.csv")
    assert list(read_event_table(path, recording=AUDIO)) == [box]
