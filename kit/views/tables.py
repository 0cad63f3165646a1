"""The small tables: a batch, a record, a receipt, a chain, a log, a diary, a compiled contract."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from kit.core import bilingual
from kit.views.markup import render

if TYPE_CHECKING:
    from kit.chain import Artifact, Chain, Receipt
    from kit.core import Batch, SignedRecord
    from kit.diary import Diary
    from kit.log import Log

__all__ = [
    "artifact_html",
    "batch_html",
    "chain_html",
    "diary_html",
    "log_html",
    "receipt_html",
    "record_html",
]


def record_html(signed: SignedRecord) -> str:
    """Return a signed record as a table, without its salt: with it, guesses could be tested."""
    told = signed.record
    rows = {
        "type": told.type,
        "author": told.author,
        "at": _utc(told.at),
        "about": told.subject,
        **{name: value for name, value in told.body.items() if isinstance(value, str)},
        "files": ", ".join(file["name"] for file in told.body.get("attachments", ())),
        "commitment": signed.commitment,
    }
    return _table({name: value for name, value in rows.items() if value})


def batch_html(batch: Batch) -> str:
    """Return a batch and where it stands on its chain, as a table."""
    anchor = batch.anchor
    standing = f" ({bilingual(batch.standing)})" if batch.standing else ""
    return _table(
        {
            "batch": batch.number,
            "records": f"{batch.first_seq}–{batch.first_seq + batch.count - 1}",
            "root": batch.root,
            "block": f"{anchor.block_number}{standing}",
            "block hash": anchor.block_hash,
            "block time": _utc(anchor.block_time),
            "transaction": anchor.transaction_hash,
            "log": anchor.contract,
            "chain id": anchor.chain_id,
        }
    )


def receipt_html(receipt: Receipt) -> str:
    """Return what came of a transaction, as a table."""
    rows = {
        "transaction": receipt.transaction_hash,
        "block": receipt.block.number,
        "block hash": receipt.block.hash,
        "block time": _utc(receipt.block.time),
        "gas used": f"{receipt.gas:,}",
    }
    return _table(rows | ({"new contract": receipt.contract} if receipt.contract else {}))


def chain_html(chain: Chain) -> str:
    """Return a chain and its head, as a table. Asks the node."""
    head = chain.head
    return _table(
        {
            "chain id": chain.chain_id,
            "backend": chain.backend,
            "head": f"block {head.number}",
            "block hash": head.hash,
            "time": _utc(head.time),
        }
    )


def log_html(log: Log) -> str:
    """Return a log and how much it holds, as a table. Asks the node."""
    return _table(
        {
            "log": log.address,
            "chain id": log.chain.chain_id,
            "batches": f"{log.batch_count():,}",
            "records": f"{log.record_count():,}",
        }
    )


def diary_html(diary: Diary) -> str:
    """Return a diary and what waits in it, as a table. Asks the node."""
    path = diary.path
    return _table(
        {
            "log": diary.log.address,
            "chain id": diary.chain.chain_id,
            "records on the chain": f"{diary.log.record_count():,}",
            "entries that wait for a review": f"{len(diary.waiting()):,}",
            "records for the next batch": f"{diary.ready_count():,}",
            "archive": path.name if path else "memory",
        }
    )


def artifact_html(artifact: Artifact) -> str:
    """Return a compiled contract as a table of its functions, events and errors."""
    return render("artifact.html", artifact=artifact)


def _table(rows: dict[str, object]) -> str:
    return render("table.html", rows=rows)


def _utc(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
