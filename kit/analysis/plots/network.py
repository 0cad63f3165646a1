"""The network of witnesses: drawn where it is small, counted where it is large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from kit.analysis.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    Said,
    legend,
    no_data,
    plot,
    say,
)
from kit.errors import DataError
from kit.text import many

if TYPE_CHECKING:
    from networkx import DiGraph

__all__ = ["witness_network"]

_SMALL = 60  # people: with more, lines hide each other


def _network(graph: Any) -> DiGraph[Any]:
    if all(hasattr(graph, name) for name in ("nodes", "in_degree", "out_degree")):
        found: DiGraph[Any] = graph
        return found
    fix = "Pass what participation.witness_network() returned."
    raise DataError("a directed network", f"a {type(graph).__name__}", fix)


@plot(_network, ("谁为谁作证", "Who witnesses whom"), unit=("人", "people"))
def witness_network(graph: DiGraph[Any], ax: Axes) -> Said:
    """Plot ``participation.witness_network``; return the axes.

    Up to sixty people with a witness are drawn: an arrow from each witness to whom they witnessed, a
    larger dot for who has more witnesses. Larger networks show which share of the people witnessed, or
    were witnessed by, at least so many others.
    """
    people, edges = graph.number_of_nodes(), graph.number_of_edges()
    within, out = dict(graph.in_degree()), dict(graph.out_degree())
    met = [one for one in graph if within[one] or out[one]]
    alone = people - len(met)
    if not edges:
        no_data(ax, "没有见证", "no witnesses")
        alt = f"{people:,} people, and none of them has a witness."
    else:
        shown = graph.copy()  # a view by subgraph() has its nodes in another order in each process
        shown.remove_nodes_from(set(graph) - set(met))
        (_draw if len(met) <= _SMALL else _degrees)(ax, shown)
        alt = (
            f"{'An arrow diagram' if len(met) <= _SMALL else 'Two falling curves on log axes'}: "
            f"{many(edges, 'pair')} of witness and author among {len(met):,} of {people:,} people; the most "
            f"witnessed has {many(max(within.values()), 'witness', 'witnesses')}, the busiest witness "
            f"{many(max(out.values()), 'author')}."
        )
    more = say(f"{alone:,} 人没有见证关系", f"{alone:,} without a witness or witnessing")
    return Said(people, alt, more if alone else "")


def _draw(ax: Axes, graph: Any) -> None:
    import networkx as nx

    place = nx.spring_layout(graph, seed=1, k=1.5 / np.sqrt(len(graph)))
    sizes = [40 + 60 * graph.in_degree(one) for one in graph]
    nx.draw_networkx_nodes(graph, place, ax=ax, node_size=sizes, node_color=BLUE)
    line: Any = {"edge_color": GREY, "arrowsize": 9, "node_size": sizes, "alpha": 0.7}
    nx.draw_networkx_edges(graph, place, ax=ax, connectionstyle="arc3,rad=0.1", **line)
    ax.set_axis_off()
    ax.margins(0.08)


def _degrees(ax: Axes, graph: Any) -> None:
    """Draw which share of the people has at least so many, in and out."""
    lines = (
        (graph.in_degree(), BLUE, "-", say("被多少人见证", "witnessed by")),
        (graph.out_degree(), ORANGE, "--", say("为多少人作证", "witnessed others")),
    )
    for degrees, colour, line, label in lines:
        values, counts = np.unique([degree for _, degree in degrees], return_counts=True)
        share = np.cumsum(counts[::-1])[::-1] / len(graph)
        seen = values > 0
        ax.plot(
            *(values[seen], share[seen], line),
            marker="o",
            markersize=4,
            color=colour,
            label=label,
        )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(top=1.5)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
        axis.set_minor_formatter(FuncFormatter(lambda _value, _: ""))
    ax.set_xlabel(say("人数（至少）", "people, at least"))
    ax.set_ylabel(say("占网络中的人", "share of the people"))
    legend(ax, "lower left")
