"""The desk's words, Chinese and English side by side, and what the records hold for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kit.analysis.participation import PREFECTURES

__all__ = ["MOVE_WORDS", "PLACES", "REASONS", "ROLES", "STATE_WORDS", "line", "meant", "short"]

#: The states of ``kit.core.rules``, for a reader.
STATE_WORDS: Final[Mapping[str, str]] = {
    "waiting": "待审核 waiting",
    "approved": "已批准，待上链 approved, not yet on the chain",
    "rejected": "已驳回 rejected",
    "rejection appealed": "驳回后申诉中 rejection appealed",
    "published": "已发布 published",
    "suspended": "已暂停显示 suspended",
    "suspension appealed": "暂停后申诉中 suspension appealed",
    "reinstated": "已恢复 reinstated",
    "withdrawn": "已撤回 withdrawn",
    "erased": "已撤回，内容已删除 withdrawn, content erased",
}

#: The moves, for a button.
MOVE_WORDS: Final[Mapping[str, str]] = {
    "approve": "批准 Approve",
    "reject": "驳回 Reject",
    "suspend": "暂停显示 Suspend",
    "reinstate": "恢复显示 Reinstate",
    "appeal": "申诉 Appeal",
    "witness": "见证 Witness",
    "withdraw": "撤回 Withdraw",
}

#: Why a moderator decides: what is shown, and the code that the record holds.
REASONS: Final[Mapping[str, str]] = {
    "— 无 none": "",
    "垃圾信息 spam": "spam",
    "个人信息 personal data": "personal data",
    "侮辱 insult": "insult",
    "谣言 rumour": "rumour",
    "与主题无关 off topic": "off topic",
    "其他 other": "other",
}

#: What is offered for a place and a role, and what the record holds. Anything else can be typed.
PLACES: Final[Mapping[str, str]] = {f"{zh} {en}": zh for zh, en in PREFECTURES.items()}
ROLES: Final[Mapping[str, str]] = {
    "居民 resident": "resident",
    "志愿者 volunteer": "volunteer",
    "医护人员 medical worker": "medical worker",
    "社区工作者 community worker": "community worker",
    "教师 teacher": "teacher",
    "学生 student": "student",
    "快递员 courier": "courier",
}


def meant(offered: Mapping[str, str], typed: str) -> str:
    """Return what the record is to hold: the value of what was offered, or what was typed."""
    return offered.get(typed.strip(), typed.strip())


def short(address: str) -> str:
    """Return an address short enough for a line."""
    return f"{address[:6]}…{address[-4:]}"


def line(text: str, length: int = 32) -> str:
    """Return the beginning of a text as one line, for a list.

    The two marks around it keep a text from right to left from turning what stands beside it.
    """
    flat = " ".join(text.split())
    return f"\u2068{flat if len(flat) <= length else flat[: length - 1] + '…'}\u2069"
