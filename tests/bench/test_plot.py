"""The plot of a benchmark is an SVG that any browser draws."""

from xml.etree import ElementTree

from bench.plot import Point, plot

SERIES = {
    "now": [Point(1, 1.0, 0.9, 1.1), Point(100, 6.2, 6.0, 7.0)],
    "a < b": [Point(1, 2.0, 2, 2), Point(100, 12, 11, 13)],
}


def test_a_plot_is_xml_with_a_line_and_a_name_for_each_series() -> None:
    root = ElementTree.fromstring(plot("Reviews", SERIES, {50: 5.0}))  # noqa: S314 - our own text
    lines = [part for part in root if part.tag.endswith("polyline")]
    assert len(lines) == 2
    assert {"now", "a < b", "Reviews", "100"} <= {part.text for part in root if part.tag.endswith("text")}


def test_everything_is_within_the_picture_and_more_seconds_stand_higher() -> None:
    root = ElementTree.fromstring(plot("Reviews", SERIES, {50: 20.0}))  # noqa: S314 - our own text
    for line in (part for part in root if part.tag.endswith("polyline")):
        places = [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]
        assert all(0 < x < 640 and 0 < y < 360 for x, y in places)
        assert places[0][1] > places[-1][1]
