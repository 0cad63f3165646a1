"""The report's words: heads of tables, counts and limits, Chinese and English side by side."""

from __future__ import annotations

from typing import Final

from kit.core import MARKS, bilingual

__all__ = ["COUNTED", "HEADS", "LIMITS", "OUTCOMES"]

#: An outcome's sign and words.
OUTCOMES: Final = {name: f"{mark} {bilingual(name)}" for name, mark in MARKS.items()}

#: The heads of columns, by their names.
HEADS: Final = {
    "age": "之后 steps later",
    "agreed": "一致 agreed",
    "at": "时间 at",
    "appealed": "被申诉的决定 appealed",
    "approved": "通过 approved",
    "author": "作者 author",
    "autocorrelation": "自相关 autocorrelation",
    "burstiness": "突发度 burstiness",
    "cases": "例 cases",
    "chance": "偶然概率 chance",
    "day": "日期 day",
    "decisions": "决定 decisions",
    "entries": "记录 entries",
    "estimate": "估计 estimate",
    "expected": "期望 expected",
    "first": "最早 first",
    "high": "上限 high",
    "kappa": "κ kappa",
    "last": "最晚 last",
    "low": "下限 low",
    "mean": "平均间隔/秒 mean, s",
    "measure": "指标 measure",
    "memory": "记忆 memory",
    "moderator": "审核员 moderator",
    "mutual": "互相 mutual",
    "new": "新 new",
    "other": "另一方 other",
    "parameter": "参数 parameter",
    "participants": "参与者 participants",
    "place": "地点 place",
    "r_squared": "R²",
    "rate": "比例 rate",
    "reciprocity": "互惠 reciprocity",
    "role": "身份 role",
    "runs": "游程 runs",
    "runs_p": "游程检验 p runs test",
    "shared_minutes": "同一分钟 shared minutes",
    "similar_texts": "相近文字 similar texts",
    "similarity": "相似度 similarity",
    "steps": "时段 steps",
    "text": "文字 text",
    "then": "之后的决定 then",
    "total": "累计 so far",
    "upheld": "维持 upheld",
    "week": "周 week",
    "witnessed": "为几人作证 witnessed",
    "witnessed_by": "被几人见证 witnessed by",
    "word": "词 word",
}

#: What is counted.
COUNTED: Final = {
    "participants": "参与者（发出记录的密钥） participants, keys with an entry",
    "witnesses": "见证人 witnesses",
    "both": "两者都是 both",
    "either": "任一 either",
    "entries": "记录 entries",
    "witness_records": "见证 witness records",
    "records": "全部所计的记录 all records counted",
}

#: What the report can't say.
LIMITS: Final = (
    "A key is not a person. One person can have many keys, and many people can share one.",
    "The chain proves that these records were published, by whom, in which order, and unchanged. It "
    "does not prove that what they say is true, or that the platform published all that it was given.",
    "Those who could not post are not here: no phone, no time, no strength, no wish to be seen.",
    "The time of an entry is what its author's device said; the log only gives the latest it can be.",
    "Rejected entries are not published, so whatever is counted here went through review.",
    "Intervals show what chance alone could do. They don't show who was never asked.",
    "Consistent in itself means that the folder agrees with itself. Only a node of the chain can show "
    "that it is the log: give its address with --rpc.",
)
