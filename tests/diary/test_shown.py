"""Whose content everybody may read: the same answer in every public output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

import kit
from kit import people
from kit.diary import HELD_BACK, Diary, held_back
from kit.diary import entries as timeline
from kit.log import MODERATOR_ROLE

#: What is not for everybody, each in words of its own, and an answer to it in an appeal.
HIDDEN = {"suspended": "<seine Adresse>", "rejected": "<ihr Name>", "withdrawn": "<mein Zimmer>"}
OPEN = {"published": "<am Tor>", "reinstated": "<am Fenster>"}


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    diary = Diary.open(kit.chain.embedded())
    second = people.named("moderator 2")
    diary.log.grant(MODERATOR_ROLE, second.address, by=people.registrar)
    made = {}
    for state, text in (HIDDEN | OPEN).items():
        made[state] = diary.post(people.alice, text, place=f"{text} Nr. 7", role=f"{text} Bote")
        approve = state != "rejected"
        diary.review(made[state], by=people.moderator, approve=approve, reason_code="R1")
    waits = diary.post(people.alice, "<wartet>", place="莆田")
    diary.publish()
    appeals = {}
    for state in ("suspended", "reinstated"):
        diary.suspend(made[state], by=people.moderator, reason_code="R2")
    for state in ("suspended", "rejected", "reinstated"):
        text = f"Noch einmal: {made[state].record.body['text']}"
        appeals[state] = diary.appeal(made[state], text, by=people.alice)
    diary.reinstate(made["reinstated"], by=second)
    diary.publish()
    diary.withdraw(made["withdrawn"], by=people.alice)
    diary.publish()
    folder = tmp_path_factory.mktemp("shown") / "export"
    kit.export(diary, folder)
    yield SimpleNamespace(diary=diary, made=made, appeals=appeals, folder=folder, waits=waits)
    diary.close()


def public(day: SimpleNamespace, out: Path) -> dict[str, str]:
    """All that everybody gets, as text."""
    diary, log = day.diary, day.diary.log
    kit.views.write(day.folder, out, log)
    exported = [*day.folder.rglob("*"), *out.rglob("*")]
    return {
        "records": diary.records().to_csv(),
        "timeline": timeline(diary).to_csv(),
        "page of the timeline": str(kit.timeline(diary).page(1)),
        "certificates": " ".join(
            json.dumps(each.to_json(), ensure_ascii=False) for each in diary.certificates()
        ),
        "read": kit.read(day.folder, log).to_csv(),
        "read, without a log": kit.read(day.folder).to_csv(),
    } | {
        f"{path.parent.name}/{path.name}": path.read_bytes().decode(errors="replace")
        for path in exported
        if path.is_file()
    }


def test_what_is_hidden_is_in_no_public_output_and_the_rest_is(
    day: SimpleNamespace, tmp_path: Path
) -> None:
    outputs = public(day, tmp_path / "report")
    for name, text in outputs.items():
        for words in [*HIDDEN.values(), "<wartet>"]:
            assert words[1:-1] not in text, name
    for name in ("records", "timeline", "certificates", "read", "export/records.csv"):
        assert all(words in outputs[name] for words in OPEN.values()), name


def test_a_row_that_is_held_back_stays_proved(day: SimpleNamespace) -> None:
    table = day.diary.records().set_index("commitment")
    assert table["proved"].all()
    hidden = [day.made["suspended"], day.appeals["suspended"], day.appeals["rejected"]]
    held = table[table["check"] == HELD_BACK]
    assert set(held.index) == {each.commitment for each in hidden}
    assert held[["text", "place", "role"]].isna().all(axis=None)
    assert held["attachments"].eq(0).all()
    kept = day.appeals["reinstated"].commitment
    assert table.loc[kept, "text"] == "Noch einmal: <am Fenster>"
    # Who decided what is no content, and is counted.
    assert table["decision"].value_counts()["suspend"] == 2


def test_a_changed_row_that_is_held_back_says_nothing_of_its_content(
    day: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*about: object) -> str:
        return "the file <seine Adresse>.png is missing or was changed"

    monkeypatch.setattr("kit.diary.records._content_fault", fault)
    table = day.diary.records().set_index("commitment")
    row = table.loc[day.made["suspended"].commitment]
    assert (row["level"], row["proved"]) == ("failed", False)
    assert row["check"] == f"{HELD_BACK}; it failed"
    assert "Adresse" not in table.loc[row.name].to_json()


def test_the_desk_shows_it_to_moderators(day: SimpleNamespace) -> None:
    story = day.diary.stories([day.made["suspended"]])[day.made["suspended"].commitment]
    assert story[0].signed().record.body["text"] == HIDDEN["suspended"]


def test_what_nobody_can_tell_is_held_back(day: SimpleNamespace) -> None:
    """Where the approval is gone, the moves make no sense. Where the suspension is, all seems well."""
    entry = day.made["suspended"].commitment
    first, approval, *rest = day.diary.stories([entry])[entry]
    assert approval.decision == "approve"
    assert held_back({entry: [first, *rest]}, day.diary.stories) >= {entry}
    assert held_back({entry: [first, approval]}, day.diary.stories) == set()


def test_one_read_for_many(day: SimpleNamespace) -> None:
    asked = list[int]()

    def more(of: object) -> dict[str, list[kit.diary.StoredRecord]]:
        found = day.diary.stories(of)
        asked.append(len(found))
        return found

    stories = day.diary.stories([each.commitment for each in day.appeals.values()])
    found = held_back(stories, more)
    assert {day.appeals["suspended"].commitment, day.appeals["rejected"].commitment} <= found
    assert day.appeals["reinstated"].commitment not in found
    assert asked == [3, 3]
    assert isinstance(day.diary.records(), pd.DataFrame)
