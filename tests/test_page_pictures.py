"""Figures inside a page."""

import base64
import re
from urllib.parse import unquote
from xml.etree import ElementTree

from matplotlib.figure import Figure

from sequence_search.page.pictures import picture


def drawn():
    figure = Figure((2, 2))
    axes = figure.subplots()
    axes.plot([0, 1, 2], [0.123456789, 1, 3])
    axes.set_title("a <b> & 'c' 100 %")
    return figure


def test_an_svg_is_one_attribute_that_reads_back_as_a_drawing():
    text = picture(drawn(), 'so "it" is')
    source = re.fullmatch(r'<img class="figure" alt="so &quot;it&quot; is" src="([^"<>]*)">', text).group(1)
    kind, _, content = source.partition(",")
    assert kind == "data:image/svg+xml"
    root = ElementTree.fromstring(unquote(content))
    assert root.tag.endswith("svg")
    assert root.get("width") == "144pt"
    assert not re.search(r" (d|x|y)=\"[^\"]*\\.\\d{3}", unquote(content))
    assert picture(drawn(), "again") == picture(drawn(), "again")


def test_colours_that_mean_something_keep_their_ground():
    source = re.search(r"base64,([^\"]*)", picture(drawn(), "", dpi=72, in_colours=True)).group(1)
    assert base64.b64decode(source).startswith(b"\x89PNG")
    assert 'class="figure colours"' in picture(drawn(), "", in_colours=True)
