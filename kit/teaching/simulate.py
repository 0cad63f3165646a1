"""A province of simulated participants: ten days in four cities, from a model that is written down.

Nobody of it exists. The tables say so: ``frame.attrs["simulated"]`` is True, every ``check`` is
"simulated", and whatever the kit makes of such a table carries the word on. What it is for: to see
that the analysis finds again what was put in, and to try the kit at the size of the real diary.

The model, with the parameters of ``Model``:

- **growth**: the day of a participant's first entry follows a logistic curve N(t) = K/(1 +
  exp(-r (t - t₀))), cut off at the end of the last day;
- **activity**: how many entries a participant writes follows a discrete power law, P(k) ∝ k^-α for
  k from 1 to ``most``; the days of those after the first are even over the days that are left;
- **rhythm**: the hour of an entry is drawn with the 24 weights of ``hours`` (Fujian's time); a
  ``burst`` share of the entries comes after that day's bulletin at ``bulletin_hour`` instead, with
  an exponential delay of ``burst_minutes`` on average; what would come after midnight comes in the
  day's last second;
- **place and role**: with the stated weights, one of each for a participant;
- **review**: each entry is decided by one of the moderators, after a log-normal time with median
  ``wait_minutes`` and spread ``wait_sigma``, but none in the first ten minutes of all, while the
  moderators get their role on the chain; a ``rejected`` share is rejected;
- **witnesses**: an approved entry gets a Poisson number of witnesses, ``witnesses`` on average, each
  a participant but its author. Only what is published can be witnessed: an exponential delay of
  three hours on average begins when the batches of the entry's day are on the chain.

What is ready is published at the end of its day: an entry when it is approved, all else when it is
signed. On the lessons' chains a block comes every 12 seconds, and holds one batch. So the day's last
batch comes at most 12 seconds for each batch of the whole province after the end of the day, and
that is when the delay of the day's witnesses begins (for 33,000 people some 25 minutes).
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from math import ceil, exp, log
from typing import TYPE_CHECKING, Any, Final, NoReturn

import coincurve
import numpy as np
import numpy.typing as npt
import pandas as pd
from eth_hash.auto import keccak
from eth_utils import to_checksum_address
from tqdm import tqdm

from kit.arguments import checked
from kit.chain import BLOCK_SECONDS, START
from kit.core import BATCH_MAX, Batch, Record, SignedRecord, commitment, signature_message, utc
from kit.diary import COLUMNS, lesson_salt
from kit.errors import DataError, RecordError
from kit.log import MODERATOR_ROLE
from kit.people import alice, named

if TYPE_CHECKING:
    from kit.diary import Diary

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

__all__ = ["Model", "participants", "publish"]

_DAY: Final = 86_400
_PEOPLE_MAX: Final = 1_000_000
#: Records of a province: the blocks of their batches fit into a day, and they into memory.
_RECORDS_MAX: Final = 5_000_000
#: A made-up commitment has room for it.
_SEED_MAX: Final = 2**128 - 1
#: The earliest second of a review. Each moderator's role takes a block, so they may be forty.
_FIRST_REVIEW: Final = 600

#: Words for the times of day, three hours each, from midnight.
_OPENINGS: Final = ("深夜", "凌晨", "清早", "上午", "中午", "下午", "傍晚", "夜里")
_SCENES: Final = (
    "排队做核酸",
    "在家上网课",
    "志愿者送菜上门",
    "楼下量体温",
    "给隔离的邻居送药",
    "小区门口登记",
    "陪老人下楼采样",
    "物资车到了",
    "医院值夜班",
    "跟家人视频",
    "听通报",
    "中秋博饼改在线上",
)
_FEELINGS: Final = (
    "有点累，心里踏实。",
    "等了很久，没有人插队。",
    "孩子说想早点回学校。",
    "大家互相让一让，就过去了。",
    "希望明天是零。",
    "谢谢那些不认识的人。",
    "腿酸，嗓子也哑了。",
    "月亮很圆，街上很静。",
    "盼着早点解封。",
    "今天比昨天顺利。",
)


def _default_hours() -> tuple[float, ...]:
    """Quiet at night, a morning peak, a higher one in the evening; the weights add up to 100."""
    before_noon = (1.5, 0.8, 0.5, 0.4, 0.5, 1.0, 2.5, 4.5, 5.5, 5.5, 5.0, 4.5)
    return (*before_noon, 4.5, 4.0, 4.0, 4.2, 4.6, 5.0, 6.0, 8.0, 9.5, 9.0, 6.0, 3.0)


#: The least and the most of the model's numbers: first the whole ones, then the others. With the
#: longest wait that can be drawn, some 7,000 years, a datetime still holds every time.
_WHOLE: Final = {
    "days": (1, 366),
    "most": (1, 10_000),
    "bulletin_hour": (0, 23),
    "moderators": (1, 40),
}
_REAL: Final = {
    "growth_rate": (0.001, 50.0),
    "midpoint": (-1000.0, 1000.0),
    "alpha": (0.0, 10.0),
    "burst": (0.0, 1.0),
    "burst_minutes": (0.1, 1440.0),
    "rejected": (0.0, 1.0),
    "wait_minutes": (0.1, 10_080.0),
    "wait_sigma": (0.0, 1.5),
    "witnesses": (0.0, 100.0),
}
_WEIGHT_MAX: Final = 1e9
_YEAR_MAX: Final = 2199
#: The least share of the logistic curve that falls on the days.
_CURVE_MIN: Final = 0.001


class _Weights(dict[str, float]):
    """Weights by name that stay as they were checked; a dict all the same, for asdict and JSON."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("A model's weights can't be changed: make another Model.")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type[_Weights], tuple[dict[str, float]]]:
        return type(self), (dict(self),)  # copied and unpickled whole, not name by name


@dataclass(frozen=True)
class Model:
    """The parameters of the model; ``kit.simulate`` says what each of them does.

    Bounds, all included; DataError is raised outside of them:

    - start: a time with its zone, in whole seconds, from 1970 to 2199;
    - days: 1 to 366; most: 1 to 10,000; bulletin_hour: 0 to 23; moderators: 1 to 40;
    - growth_rate: 0.001 to 50; midpoint: -1,000 to 1,000; and together: at least 0.1 % of the curve
      falls on the days;
    - alpha: 0 to 10; witnesses: 0 to 100; burst and rejected: 0 to 1;
    - burst_minutes: 0.1 to 1,440; wait_minutes: 0.1 to 10,080; wait_sigma: 0 to 1.5;
    - hours: 24 weights; places and roles: weights by names that a record can hold; each weight is
      from 0 to 1,000,000,000, and not all are 0.

    It stays as it was checked: ``places`` and ``roles`` are copied, and can't be changed.

    >>> Model(days=0)
    Traceback (most recent call last):
    kit.errors.DataError: Expected days: a whole number from 1 to 366, got 0. Choose one of these.
    """

    start: datetime = START  # midnight there: days and hours are counted from it
    days: int = 10
    growth_rate: float = 0.9  # a day
    midpoint: float = 4.0  # days after the start
    alpha: float = 2.6
    most: int = 200
    hours: tuple[float, ...] = field(default_factory=_default_hours)
    bulletin_hour: int = 10
    burst: float = 0.12
    burst_minutes: float = 25.0
    places: Mapping[str, float] = field(
        default_factory=lambda: {"莆田": 0.4, "厦门": 0.3, "泉州": 0.2, "漳州": 0.1}
    )
    roles: Mapping[str, float] = field(
        default_factory=lambda: {
            "resident": 0.6,
            "volunteer": 0.15,
            "student": 0.1,
            "nurse": 0.08,
            "courier": 0.07,
        }
    )
    moderators: int = 4
    rejected: float = 0.05
    wait_minutes: float = 25.0
    wait_sigma: float = 0.8
    witnesses: float = 0.3

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {"start": _start(self.start), "hours": _hours(self.hours)}
        for name, (low, high) in _WHOLE.items():
            checked[name] = _whole(f"{name}: a whole number", getattr(self, name), low, high)
        for name, (least, most) in _REAL.items():
            checked[name] = _real(f"{name}: a number", getattr(self, name), least, most)
        for name in ("places", "roles"):
            checked[name] = _weights(name, getattr(self, name))
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if not _joined(self, self.days) - _joined(self, 0) >= _CURVE_MIN:
            some = f"at least {100 * _CURVE_MIN:g} % of the curve on the {self.days} days"
            got = f"growth_rate {self.growth_rate:g} and midpoint {self.midpoint:g}"
            fix = "Choose a midpoint among the days, or another growth_rate."
            raise DataError(f"growth_rate and midpoint: {some}", got, fix)


def _whole(what: str, value: Any, low: int, high: int) -> int:
    """Return a whole number, numpy's too, that is between two others, or raise DataError."""
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if is_whole and low <= value <= high:
        return int(value)
    raise DataError(f"{what} from {low:,} to {high:,}", _brief(value), "Choose one of these.")


def _real(what: str, value: Any, low: float, high: float) -> float:
    """Return a number that is between two others, or raise DataError."""
    kinds = int | float | np.integer | np.floating
    is_real = isinstance(value, kinds) and not isinstance(value, bool)
    if is_real and low <= value <= high:  # not float(value): a whole number may be too large
        return float(value)
    raise DataError(f"{what} from {low:,g} to {high:,g}", _brief(value), "Choose one of these.")


def _start(value: Any) -> datetime:
    try:
        time = utc(value)
    except RecordError as error:
        raise DataError(f"start: {error.expected}", error.got, error.todo) from error
    if time.year > _YEAR_MAX:
        raise DataError(f"start: a time up to {_YEAR_MAX}", str(time), "Choose an earlier one.")
    return time


def _hours(value: Any) -> tuple[float, ...]:
    value = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(value, list | tuple) or len(value) != 24:
        got = f"{len(value)}" if isinstance(value, list | tuple) else _brief(value)
        raise DataError("hours: a list or tuple of 24 weights", got, "Give each hour one.")
    hours = tuple(_real("hours: weights", weight, 0, _WEIGHT_MAX) for weight in value)
    if not any(hours):
        raise DataError("hours: weights above 0", "24 times 0", "Give an hour a weight.")
    return hours


def _weights(name: str, value: Any) -> _Weights:
    """Return weights by name, or raise DataError."""
    if not isinstance(value, Mapping):
        fix = 'Write them like {"莆田": 0.6, "厦门": 0.4}.'
        raise DataError(f"{name}: a mapping of names to weights", _brief(value), fix)
    found = _Weights(
        (_name(name, key), _real(f"{name}: weights", weight, 0, _WEIGHT_MAX))
        for key, weight in value.items()
    )
    if len(found) < len(value):  # two spellings that are the same in NFC
        raise DataError(f"{name}: different names", "one name twice", "Take one out.")
    if not any(found.values()):
        fix = "Give one a weight."
        raise DataError(f"{name}: at least one weight above 0", _brief(value), fix)
    return found


def _name(name: str, key: Any) -> str:
    """Return the name of a place or a role as a record holds it, or raise DataError."""
    kind = name.removesuffix("s")
    try:
        told = Record.entry(alice.address, START, "…", **{"place": "…", kind: key})
    except RecordError as error:
        raise DataError(f"{name}: {error.expected}", error.got, error.todo) from error
    return str(told.body[kind])


def _joined(model: Model, day: float) -> float:
    """Return the share of the logistic curve up to a day after the start."""
    return 1 / (1 + exp(min(model.growth_rate * (model.midpoint - day), 700.0)))  # no overflow


def _brief(value: Any) -> str:
    """Return what came, short enough for a message, however large it is."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        return f"a huge {type(value).__name__}"


def participants(
    people: int = 33_000, seed: int = 2021, model: Model | None = None
) -> pd.DataFrame:
    """Return simulated records of so many people, in the columns of ``Diary.records()``.

    Rows are in order of time: entries that were approved, the reviews (of rejected entries, too),
    and the witness records. Authors and commitments are made up, and nothing of it is on a chain:
    ``proved`` is False, ``level`` is missing, as nothing was checked, ``check`` is "simulated", and
    ``block_time`` is when a lessons' chain would have had the row. The same arguments give the same
    table. ``attrs["model"]`` holds the model. Raises DataError.

    >>> frame = participants(100, seed=1)
    >>> frame.attrs["simulated"], int((frame["type"] == "entry").sum()) > 90
    (True, True)
    """
    model = Model() if model is None else model
    plan = _plan(people, seed, model)
    rejected = set(plan.loc[plan["decision"] == "reject", "about"])
    frame = plan[~((plan["type"] == "entry") & plan["number"].isin(rejected))]
    # A record is published at the end of the day on which it is ready: an entry's is its review's.
    decided = plan[plan["type"] == "review"].set_index("about")["second"]
    ready = frame["second"].where(frame["type"] != "entry", frame["number"].map(decided))
    frame = frame.assign(end=ready // _DAY).sort_values(["end", "second"], kind="stable")
    return _as_records(frame, int(plan["number"].max()) + 1, seed, model)


@checked("diary")
def publish(
    diary: Diary, people: int = 33_000, seed: int = 2021, model: Model | None = None
) -> list[Batch]:
    """Put the same records on a chain: signed with test keys, reviewed, published day by day.

    ``diary`` must be new, on a chain whose clock can be moved or is past the simulated days, with
    the lessons' registrar as its admin. The authors are the test keys ``simulated 0``, …, the
    moderators ``simulated moderator 1``, …; the moderators are given their role. Shows a progress
    bar. Returns the batches. Raises DataError, NotAllowed, ChainError.
    """
    model = Model() if model is None else model
    plan = _plan(people, seed, model)
    if diary.record_count():
        got = f"one with {diary.record_count():,} records"
        raise DataError("a new diary", got, "Simulated records don't mix with others.")
    diary.chain.check_signer(named("simulated 0"))  # whose key is made as all of them are
    for number in range(model.moderators):
        _, address = _key(-1 - number)
        diary.log.grant(MODERATOR_ROLE, address, by=diary.registrar)
    writer = _Writer(diary, model)
    batches = []
    with tqdm(total=len(plan), unit="record", desc="simulated") as progress:
        for day, rows in plan.groupby(plan["second"] // _DAY):
            diary.chain.wait_until(model.start + timedelta(days=int(day) + 1))
            diary.keep(map(writer.sign, rows.astype(object).itertuples(index=False)))
            full = ceil(diary.ready_count() / BATCH_MAX)
            batches += [diary.publish() for _ in range(full)]
            progress.update(len(rows))
    return batches


class _Writer:
    """Signs planned records for a diary.

    The rules of ``kit.core.rules`` are not asked for each record: the plan keeps them.
    """

    def __init__(self, diary: Diary, model: Model) -> None:
        self._start = model.start
        self._log_id = diary.log.log_id
        self._keys: dict[int, tuple[coincurve.PrivateKey, str]] = {}
        self._commitments: dict[int, str] = {}
        self._written = 0

    def sign(self, row: Any) -> SignedRecord:
        """Return the record of one row of the plan, signed."""
        if row.person not in self._keys:
            self._keys[row.person] = _key(row.person)
        key, address = self._keys[row.person]
        record = self._record(row, address)
        salt = lesson_salt(self._written)
        self._written += 1
        committed = commitment(record, salt)
        if row.type == "entry":
            self._commitments[row.number] = committed
        message = signature_message(committed, self._log_id)
        digest = keccak(b"\x19" + message.version + message.header + message.body)
        raw = key.sign_recoverable(digest, hasher=None)
        signature = "0x" + raw[:64].hex() + f"{raw[64] + 27:02x}"
        return SignedRecord(record, salt, signature)

    def _record(self, row: Any, address: str) -> Record:
        at = self._start + timedelta(seconds=row.second)
        if row.type == "entry":
            return Record.entry(address, at, row.text, place=row.place, role=row.role)
        about = self._commitments[int(row.about)]
        if row.type == "witness":
            return Record.witness(address, at, about)
        code = "other" if row.decision == "reject" else ""
        return Record.review(address, at, about, row.decision, reason_code=code)


def _key(person: int) -> tuple[coincurve.PrivateKey, str]:
    """Return the test key of a simulated person and its address; moderators are below zero.

    The same key as ``kit.people.named`` gives, ten times as fast.
    """
    name = f"simulated {person}" if person >= 0 else f"simulated moderator {-person}"
    key = coincurve.PrivateKey(keccak(f"civic diary test key: {name}".encode()))
    return key, to_checksum_address(keccak(key.public_key.format(compressed=False)[1:])[12:])


def _plan(people: int, seed: int, model: Model) -> pd.DataFrame:
    """Return all that happens, a row a record, in order of time; rejected entries, too.

    Columns: type, person, second (since the start), place, role, text, number (of an entry), about
    (the number of the entry that it is about), decision.
    """
    if not isinstance(model, Model):
        raise DataError("a Model of kit.simulate", _brief(model), "Make one, as Model(days=5).")
    people = _whole("a whole number of people", people, 1, _PEOPLE_MAX)
    draw = _Draw(_whole("a seed: a whole number", seed, 0, _SEED_MAX))
    _check_size(people, model)
    entries = _entries(draw, people, model)
    reviews = _reviews(draw, entries, model)
    kept = entries[reviews["decision"].to_numpy() == "approve"]
    witnesses = _witnesses(draw, kept, reviews, people, model)
    plan = pd.concat([entries, reviews, witnesses], ignore_index=True)
    return plan.sort_values("second", kind="stable", ignore_index=True)


def _check_size(people: int, model: Model) -> None:
    """Raise DataError if so many people write too much."""
    activity = _activity(model)
    entries = people * (activity * np.arange(1, model.most + 1)).sum() / activity.sum()
    expected = entries * (2 + model.witnesses)
    if expected > _RECORDS_MAX:
        fix = "Choose fewer people, a larger alpha, a smaller most, or fewer witnesses."
        raise DataError(f"at most {_RECORDS_MAX:,} records", f"about {expected:,.0f}", fix)


class _Draw:
    """Random numbers, all of them made of uniform ones, so that they are the same everywhere."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.Generator(np.random.PCG64(seed))

    def uniform(self, count: int) -> Floats:
        """Return numbers from 0 (included) to 1 (not included)."""
        return self._random.random(count)

    def choice(self, weights: npt.ArrayLike, count: int) -> Integers:
        """Return the numbers of what has these weights."""
        edges = np.cumsum(np.asarray(weights, "float64"))
        drawn = np.searchsorted(edges / edges[-1], self.uniform(count), side="right")
        return np.minimum(drawn, len(edges) - 1).astype("int64")

    def exponential(self, mean: float, count: int) -> Floats:
        """Return waiting times with this mean."""
        return -mean * np.log1p(-self.uniform(count))

    def normal(self, count: int) -> Floats:
        """Return standard normal numbers (G. Box and M. Muller, 1958)."""
        radius: Floats = np.sqrt(-2 * np.log1p(-self.uniform(count)))
        angle: Floats = 2 * np.pi * self.uniform(count)
        return radius * np.cos(angle)

    def poisson(self, mean: float, count: int) -> Integers:
        """Return Poisson numbers: the first k at which the distribution passes a uniform number."""
        most = int(mean + 12 * mean**0.5 + 20)
        # Not log(mean / k): a very small mean would be 0 then.
        steps = (log(mean) - log(k) for k in range(1, most)) if mean else ()
        logs = np.cumsum([0.0, *steps])
        return self.choice(np.exp(logs - mean), count)


def _entries(draw: _Draw, people: int, model: Model) -> pd.DataFrame:
    """Return all entries, those that will be rejected included."""
    first_day = _first_days(draw, people, model)
    count = draw.choice(_activity(model), people) + 1
    author = np.repeat(np.arange(people), count)
    is_first = np.r_[True, author[1:] != author[:-1]]
    left = model.days - first_day[author]
    later = first_day[author] + np.floor(draw.uniform(len(author)) * left).astype("int64")
    day = np.where(is_first, first_day[author], later)
    second = _seconds(draw, len(author), model)
    place = np.array(list(model.places))[draw.choice(list(model.places.values()), people)]
    role = np.array(list(model.roles))[draw.choice(list(model.roles.values()), people)]
    frame = pd.DataFrame(
        {
            "type": "entry",
            "person": author,
            "second": day * _DAY + second,
            "place": place[author],
            "role": role[author],
            "text": _texts(draw, second),
        }
    )
    frame = frame.sort_values("second", kind="stable", ignore_index=True)
    frame["number"] = np.arange(len(frame))
    return frame


def _activity(model: Model) -> Floats:
    """Return the weights of 1, 2, 3, … entries of a participant."""
    return np.power(np.arange(1, model.most + 1, dtype="float64"), -model.alpha)


def _first_days(draw: _Draw, people: int, model: Model) -> Integers:
    """Return the day of each participant's first entry, by the inverse of the cut-off logistic curve."""
    low, high = _joined(model, 0), _joined(model, model.days)
    drawn = low + (high - low) * draw.uniform(people)
    drawn = np.clip(drawn, 1e-300, 1 - 2**-53)  # a steep curve is 0 and 1 at its ends
    time = model.midpoint + np.log(drawn / (1 - drawn)) / model.growth_rate
    return np.clip(np.floor(time), 0, model.days - 1).astype("int64")


def _seconds(draw: _Draw, count: int, model: Model) -> Integers:
    """Return the second of the day of each entry: by the rhythm, or in the burst after the bulletin."""
    usual = draw.choice(model.hours, count) * 3600 + draw.uniform(count) * 3600
    burst = model.bulletin_hour * 3600 + draw.exponential(model.burst_minutes * 60, count)
    chosen = np.where(draw.uniform(count) < model.burst, burst, usual)
    return np.minimum(np.floor(chosen), _DAY - 1).astype("int64")


def _texts(draw: _Draw, second: Integers) -> list[str]:
    scene = draw.choice(np.ones(len(_SCENES)), len(second))
    feeling = draw.choice(np.ones(len(_FEELINGS)), len(second))
    part = second // (_DAY // len(_OPENINGS))
    return [
        f"{_OPENINGS[p]}{_SCENES[s]}，{_FEELINGS[f]}"
        for p, s, f in zip(part, scene, feeling, strict=True)
    ]


def _reviews(draw: _Draw, entries: pd.DataFrame, model: Model) -> pd.DataFrame:
    """Return a decision about each entry, in the entries' order."""
    count = len(entries)
    wait = model.wait_minutes * 60 * np.exp(model.wait_sigma * draw.normal(count))
    rejected = draw.uniform(count) < model.rejected
    second = entries["second"] + np.ceil(wait).astype("int64")
    return pd.DataFrame(
        {
            "type": "review",
            "person": -1 - draw.choice(np.ones(model.moderators), count),
            "second": np.maximum(second, _FIRST_REVIEW),
            "about": entries["number"],
            "decision": np.where(rejected, "reject", "approve"),
        }
    )


def _witnesses(
    draw: _Draw, kept: pd.DataFrame, reviews: pd.DataFrame, people: int, model: Model
) -> pd.DataFrame:
    """Return the witness records of the approved entries; nobody witnesses one twice, or their own."""
    count = draw.poisson(model.witnesses, len(kept)) if people > 1 else np.zeros(len(kept), "int64")
    about = np.repeat(kept["number"].to_numpy(), count)
    author = np.repeat(kept["person"].to_numpy(), count)
    # One of all but the author: those from the author's number on move up by one.
    person = np.floor(draw.uniform(len(about)) * (people - 1)).astype("int64")
    person += person >= author
    frame = pd.DataFrame({"type": "witness", "person": person, "about": about})
    delay = np.ceil(draw.exponential(3 * 3600, len(about))).astype("int64")
    decided = reviews["second"].to_numpy()[about]
    frame["second"] = (decided // _DAY + 1) * _DAY + delay
    frame = frame.drop_duplicates(["person", "about"])
    # A batch is a block, and no day has more batches than all entries, reviews and witnesses fill.
    blocks = ceil((2 * len(reviews) + len(frame)) / BATCH_MAX)
    return frame.assign(second=frame["second"] + blocks * BLOCK_SECONDS)


def _as_records(frame: pd.DataFrame, entries: int, seed: int, model: Model) -> pd.DataFrame:
    """Give the rows the columns of ``Diary.records()``, numbered in their order."""
    count = len(frame)
    person = frame["person"].to_numpy()
    addresses = {number: _key(number)[1] for number in np.unique(person)}
    at = pd.Timestamp(model.start) + pd.to_timedelta(frame["second"].to_numpy(), unit="s")
    number = frame["number"].to_numpy()
    about = frame["about"].to_numpy()
    # The others' commitments come after those of all entries, the rejected ones' included.
    own = np.where(np.isnan(number), entries + np.arange(count), number).astype("int64")
    end = frame["end"].to_numpy()
    of_day = frame.groupby("end").cumcount().to_numpy() // BATCH_MAX
    block_time = pd.Timestamp(model.start) + pd.to_timedelta(
        (end + 1) * _DAY + (of_day + 1) * BLOCK_SECONDS, unit="s"
    )
    made = pd.DataFrame(
        {
            "seq": np.arange(count),
            "type": frame["type"].to_numpy(),
            "author": [addresses[x] for x in person],
            "at": at,
            "subject": [None if np.isnan(x) else _made_up(seed, int(x)) for x in about],
            "commitment": [_made_up(seed, int(x)) for x in own],
            "text": frame["text"].to_numpy(),
            "place": frame["place"].to_numpy(),
            "role": frame["role"].to_numpy(),
            "attachments": 0,
            "decision": frame["decision"].to_numpy(),
            "batch": pd.factorize(pd.MultiIndex.from_arrays([end, of_day]))[0],
            "block_number": 0,
            "block_hash": None,
            "block_time": block_time,
            "lag": (block_time.floor("s") - at.floor("s")).total_seconds(),
            "transaction_hash": None,
            "level": None,
            "proved": False,
            "check": "simulated",
        }
    ).astype(COLUMNS)
    made.attrs |= {"simulated": True, "model": asdict(model) | {"start": model.start.isoformat()}}
    return made


def _made_up(seed: int, number: int) -> str:
    """Return what stands in the place of a commitment: two numbers, so that nobody takes it for one."""
    return f"0x{seed:032x}{number + 1:032x}"
