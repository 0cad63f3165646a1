"""A plot in a notebook has its alternative text where a screen reader finds it, and is there once."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import nbformat
import pytest
from matplotlib.figure import Figure
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from kit.analysis import plots
from kit.teaching import notebooks as lessons

from .test_plots import DAILY, PLACES

TABLES = f"""
import kit, pandas as pd, matplotlib.pyplot as plt
days = pd.DataFrame({DAILY.to_dict("list")}, index=pd.date_range("2021-09-10", periods=4, name="day"))
names = pd.Index(["<b>", "'a' & \\"b\\"", "莆田"], name="place")
places = pd.DataFrame({PLACES.to_dict("list")}, index=names)
"""
CELLS = {
    "tables": TABLES,
    "shown": "kit.plots.daily(days, source='x')\nplt.show()",
    "left to the cell's end": "kit.plots.daily(days, source='x');",
    "on axes of one's own": "_, ax = plt.subplots()\nkit.plots.daily(days, ax, source='x');",
    "names of others": "kit.plots.by_place(places, source='x');",
    "two": "_, both = plt.subplots(1, 2)\nkit.plots.daily(days, both[0], source='x')\n"
    "kit.plots.by_place(places, both[1], source='x');",
    "another's": "plt.plot([1, 2]);",
    "finer": "%config InlineBackend.figure_formats = ['retina']\nkit.plots.daily(days, source='x');",
    "drawn": "%config InlineBackend.figure_formats = ['svg']\nkit.plots.daily(days, source='x');",
}
SAID = plots.alt_text(plots.daily(DAILY, Figure().subplots(), source="x"))


@pytest.fixture(scope="module")
def ran() -> NotebookNode:
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS.values()]
    notebook: NotebookNode = nbformat.v4.new_notebook(cells=cells)
    quiet = ["--IPKernelApp.log_level=40"]
    NotebookClient(notebook, kernel_name="python3", extra_arguments=quiet).execute()
    return notebook


def pictures(ran: NotebookNode, name: str) -> list[Any]:
    cell = ran.cells[list(CELLS).index(name)]
    return [output for output in cell.outputs if set(output.get("data", ())) - {"text/plain"}]


@pytest.mark.parametrize("name", ["shown", "left to the cell's end", "on axes of one's own"])
def test_the_output_carries_the_alternative_text(ran: NotebookNode, name: str) -> None:
    (output,) = pictures(ran, name)  # once
    assert output.metadata["image/png"] == {"alt": SAID}
    # JupyterLab shows this one first; to a PNG it gives no text.
    (src,) = re.findall(f'<img alt="{re.escape(SAID)}" src="([^"]+)">', output.data["text/html"])
    assert src == f"data:image/png;base64,{output.data['image/png'].strip()}"


def test_names_of_others_stay_text(ran: NotebookNode) -> None:
    (output,) = pictures(ran, "names of others")
    html = output.data["text/html"]
    assert re.findall("<[a-z]+", html) == ["<img"]
    (alt,) = re.findall('alt="([^"]*)"', html)
    assert unescape(alt) == output.metadata["image/png"].alt
    assert "<b> 3 from 2 participants, 'a' & \"b\" 2 from" in unescape(alt)


def test_two_plots_of_a_figure_say_both(ran: NotebookNode) -> None:
    (output,) = pictures(ran, "two")
    assert output.metadata["image/png"].alt.startswith(f"{SAID} Bars: 6 entries from 3 places.")


def test_other_figures_and_formats_stay_as_they_are(ran: NotebookNode) -> None:
    (other,) = pictures(ran, "another's")
    assert set(other.data) == {"text/plain", "image/png"}
    assert other.metadata == {}
    (drawn,) = pictures(ran, "drawn")
    assert set(drawn.data) == {"text/plain", "image/svg+xml"}
    (finer,) = pictures(ran, "finer")
    size = finer.metadata["image/png"]
    assert f'width="{size.width}" height="{size.height}" alt="{SAID}"' in finer.data["text/html"]


@pytest.mark.parametrize("template", ["lab", "classic"])
def test_a_page_made_of_the_notebook_has_it_too(ran: NotebookNode, template: str) -> None:
    html, _ = HTMLExporter(template_name=template).from_notebook_node(ran)
    alts = [unescape(alt) for alt in re.findall('<img[^>]* alt="([^"]*)"', html)]
    assert alts.count(SAID) == 4
    assert len(alts) == 8
    without = "No description has been provided for this image"
    assert alts.count(without) == 2  # another's, and the drawing


def test_every_picture_of_the_lessons_has_its_text() -> None:
    for path in lessons.paths():
        lesson = nbformat.read(path, as_version=4)
        outputs = [output for cell in lesson.cells for output in cell.get("outputs", ())]
        for output in outputs:
            if "image/png" in output.get("data", {}):
                assert output.metadata["image/png"].alt, path.name
                assert ' alt="' in output.data["text/html"], path.name
