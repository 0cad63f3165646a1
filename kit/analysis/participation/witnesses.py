"""Who witnessed what: witnesses of each entry, and the network of who witnesses whom.

A witness of one's own entry is not counted, and a witness who signs twice counts once. Witnesses of
entries that are not in the table (or not proved) are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd
from narwhals.typing import IntoFrameT

from kit.analysis.participation.frames import collect, like, rows_of, same_kind

if TYPE_CHECKING:
    from networkx import DiGraph

__all__ = ["witness_degrees", "witness_network", "witnesses"]


def witnesses(records: IntoFrameT) -> IntoFrameT:
    """Return how many witnessed each entry, a row an entry, in order of time and commitment.

    Columns: commitment, author, at, witnesses (distinct authors of its witness records). Nothing
    comes into memory.
    """
    entries, given = _entries_and_witnesses(records)
    each = given.group_by("commitment").agg(nw.len().alias("witnesses"))
    counted = entries.join(each, on="commitment", how="left")
    counted = counted.with_columns(nw.col("witnesses").fill_null(0).cast(nw.Int64))
    return same_kind(
        records, counted.select("commitment", "author", "at", "witnesses"), "at", "commitment"
    )


def witness_network(records: Any) -> DiGraph[str]:
    """Return the network of witnesses: a directed networkx graph.

    Nodes are the authors of entries and of witness records; an edge runs from a witness to the
    author of the entry, and its ``weight`` is how many entries of that author were witnessed. The
    edges, one a pair of people, come into memory. (M. Newman, Networks, 2nd edition, 2018,
    chapter 6.)
    """
    import networkx as nx

    entries, given = _entries_and_witnesses(records)
    edges = given.group_by("witness", "author").agg(nw.len().alias("weight"))
    table = collect(edges).sort_values(["witness", "author"])
    graph: DiGraph[str] = nx.DiGraph()
    if isinstance(records, pd.DataFrame):
        graph.graph.update({str(name): said for name, said in records.attrs.items()})
    people = collect(entries.select("author").unique("author"))["author"]
    graph.add_nodes_from(sorted(set(people) | set(table["witness"])))
    graph.add_weighted_edges_from(table.itertuples(index=False, name=None))
    return graph


def witness_degrees(records: IntoFrameT) -> IntoFrameT:
    """Return a row a person of the network: whom they witnessed, and who witnessed them.

    Columns: author, witnessed (out-degree: distinct people), witnessed_by (in-degree), mutual (how
    many are both), reciprocity (2 mutual / (witnessed + witnessed_by); none for who has no edge).
    For the whole network ``networkx.overall_reciprocity(witness_network(records))`` is the share of
    its edges that run both ways (Newman, Networks, section 7.10).
    """
    graph = witness_network(records)
    rows = [
        (
            one,
            graph.out_degree(one),
            graph.in_degree(one),
            len({*graph.succ[one]} & {*graph.pred[one]}),
        )
        for one in graph
    ]
    table = pd.DataFrame(rows, columns=["author", "witnessed", "witnessed_by", "mutual"])
    table = table.astype({"author": "str"} | dict.fromkeys(table.columns[1:], "int64"))
    edges = table["witnessed"] + table["witnessed_by"]
    table["reciprocity"] = 2 * table["mutual"] / edges.where(edges > 0)
    order = ["witnessed_by", "witnessed", "author"]
    return like(records, table.sort_values(order, ascending=[False, False, True]))


def _entries_and_witnesses(records: Any) -> tuple[nw.LazyFrame[Any], nw.LazyFrame[Any]]:
    """Return the entries, and who witnessed which: commitment, author of the entry, witness."""
    entries = rows_of(records, "entry", "at", "commitment").frame
    signed = rows_of(records, "witness", "subject", "commitment").frame
    said = signed.select(nw.col("author").alias("witness"), nw.col("subject").alias("commitment"))
    given = said.unique(["witness", "commitment"]).join(
        entries.select("commitment", "author"), on="commitment", how="inner"
    )
    return entries, given.filter(nw.col("witness") != nw.col("author"))
