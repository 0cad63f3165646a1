"""The lessons' exercises: what is wrong with an answer, the hints, a word when it is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eth_utils import keccak

from kit import people
from kit.analysis.participation import by_place, concentration
from kit.chain import BLOCK_SECONDS, embedded
from kit.core import FAILED, UNANSWERED, merkle
from kit.log import verify
from kit.teaching.simulate import participants

__all__ = ["EXERCISES", "HANDS", "PROGRAM", "Exercise"]

#: Lesson 6: the key of a program, and three keys of one person.
PROGRAM: str = people.named("lesson 6, the program").address
HANDS: tuple[str, ...] = tuple(
    people.named(f"lesson 6, one person, key {n}").address for n in (1, 2, 3)
)


@dataclass(frozen=True)
class Exercise:
    """``wrong(answer)`` returns what to look at, or an empty text if the answer is right."""

    wrong: Callable[[Any], str]
    praise: str
    hints: tuple[str, ...]


def _equals(right: Any, otherwise: str) -> Callable[[Any], str]:
    return lambda answer: "" if answer == right else otherwise


# --- lesson 1 ------------------------------------------------------------------------------------


def _hex_digits(answer: Any) -> str:
    if answer == 32:
        return "That is the number of bytes. How many hex digits does a byte take?"
    return "" if answer == 64 else "Count the characters of a hash after its 0x."


def _city(answer: Any) -> str:
    right = "28188b98e0a4e51a"
    return "" if keccak(text=answer).hex().startswith(right) else "Its hash is another."


def _counter(answer: Any) -> str:
    """Deploy the student's contract and call it."""
    functions = [item for item in answer.abi if item["type"] == "function"]
    taken = {item["name"]: [given["type"] for given in item["inputs"]] for item in functions}
    if taken.get("count") != [] or taken.get("store") != ["bytes32"]:
        return "It needs the functions count() and store(bytes32)."
    chain = embedded()
    contract = chain.deploy(answer, by=people.alice)
    for expected in (0, 1, 2):
        if chain.call(contract.functions.count()) != expected:
            return f"After {expected} calls of store, count() should be {expected}."
        chain.send(contract.functions.store(bytes([expected]) * 32), by=people.alice)
    return ""


# --- lesson 2 ------------------------------------------------------------------------------------


def _all_gas(answer: Any) -> str:
    total, chain = answer
    blocks = range(chain.head.number + 1)
    if total == sum(chain.block(number).gas for number in blocks):
        return ""
    return "Take every block from 0 to the head, the head included."


# --- lesson 3 ------------------------------------------------------------------------------------


def _proof(answer: Any) -> str:
    leaf, proof, root = answer
    if merkle.root_from_proof(leaf, proof) == root:
        return ""
    return "This proof leads from the leaf to another root. Which leaf did you ask for?"


# --- lesson 4 ------------------------------------------------------------------------------------


def _parent(answer: Any) -> str:
    one, other, parent = answer
    low, high = sorted((one, other))
    if parent == high + low or parent == keccak(high + low):
        return "The smaller of the two comes first."
    return "" if parent == keccak(low + high) else "Sort the two, join them, hash them once."


def _forgery(answer: Any) -> str:
    forged, log = answer
    if not verify(forged).ok:
        return "Alone it is caught already: which part do steps 1 to 5 not look at?"
    if verify(forged, log).ok:
        return "The log doesn't contradict it either. Is it forged?"
    return ""


# --- lesson 5 ------------------------------------------------------------------------------------


def _closed_loop(answer: Any) -> str:
    diary, report = answer
    lines = diary.trace(report).lines
    if len(lines) < 2 or any(line.what != "bulletin" for line in lines):
        return "The report should correct a finding, both made with inspect."
    if any(line.proof != "proved" for line in lines):
        return "Not all of it is on the chain yet: publish."
    last = list(report.record.body["figures"].values())[-1]
    return "The report should say that nothing is left to do: 0." if last else ""


# --- lesson 6 ------------------------------------------------------------------------------------


def _many_keys(answer: Any) -> str:
    number, table = answer
    entries = table[table["type"].eq("entry") & ~table["level"].isin([FAILED, UNANSWERED])]
    people_ = entries["author"].where(~entries["author"].isin(HANDS), "one person").nunique()
    return "" if number == people_ else "The three keys are one, and everybody else stays."


def _could_not_post(answer: Any) -> str:
    given, table = answer
    if not isinstance(given, tuple) or len(given) != 2:
        return "Two numbers in a tuple, the lower first."
    places = by_place(table)["participants"]
    here, elsewhere = int(places.iloc[0]), int(places.iloc[1:].sum())
    right = (here / (here + elsewhere / 0.75), here / 0.75 / (here / 0.75 + elsewhere))
    if all(abs(one - other) < 0.001 for one, other in zip(given, right, strict=True)):
        return ""
    return "For the lower one, all could write here, and elsewhere only three in four."


def _gini(answer: Any) -> str:
    table = participants(3_000)
    right = concentration(table).set_index("measure").loc["gini", "estimate"]
    return "" if abs(answer - right) < 1e-6 else "Is i from 1 to n, and counts in rising order?"


EXERCISES: dict[str, Exercise] = {
    "01-hex-digits": Exercise(
        _hex_digits,
        "32 bytes, two digits each.",
        ("A hash has 32 bytes.", "A byte is two hex digits: 00 to ff."),
    ),
    "01-guess-the-city": Exercise(
        _city,
        "Nine guesses were enough. A salt would have made it 2^256.",
        (
            "You have all cities that Bob can have meant.",
            "Hash each with keccak(text=city) and compare with published.",
        ),
    ),
    "01-counter": Exercise(
        _counter,
        "It counts.",
        ("A public state variable gets a function of its name.", "uint256 public count;"),
    ),
    "02-seconds": Exercise(
        _equals(7 * BLOCK_SECONDS, "How many blocks lie between the genesis and the head then?"),
        "Seven blocks of twelve seconds.",
        ("The head would be block 7.", "kit.chain.BLOCK_SECONDS is the time between two blocks."),
    ),
    "02-next-address": Exercise(
        _equals(
            "0x9043a017604527e40a6BB78B112fC7208aBf3344",
            "The address depends on the sender and on how many transactions they had sent.",
        ),
        "Anybody could have known it before the contract was there.",
        ("Only the number after Alice's address changes.", "She has sent one transaction so far."),
    ),
    "02-all-gas": Exercise(
        _all_gas,
        "Empty blocks used none.",
        ("range(chain.head.number + 1) gives the numbers of all blocks.", "sum(… for … in …)"),
    ),
    "03-fewest-hashes": Exercise(
        _equals(10, "Each hash of the proof halves what is left. How often can 1,024 be halved?"),
        "Two to the power of ten is 1,024.",
        ("With 2 leaves a proof has 1 hash, with 4 it has 2.", "math.log2(1024)"),
    ),
    "03-prove-it": Exercise(
        _proof,
        "Whoever has the root can check it, and needs nothing else from you.",
        ("leaves[5].hash() is the leaf.", "tree.proof(leaf) is the proof."),
    ),
    "03-all-proved": Exercise(
        _equals(126, "Each of the 126 records should be proved again."),
        "The same words have the same commitment: the table believes them again.",
        ("kit.teaching.tamper with the two words swapped.", 'diary.records()["proved"].sum()'),
    ),
    "04-parent": Exercise(
        _parent,
        "That is all that a tree is made of.",
        ("low, high = sorted((one, other))", "keccak(low + high)"),
    ),
    "04-which-step": Exercise(
        _equals(4, "The text is untouched, and so is the signature. What no longer agrees?"),
        "The record says one time, the leaf another. (And the leaf is not in the batch: step 5.)",
        ("Make it, verify it, and read the table.", "The first step that fails."),
    ),
    "04-forgery": Exercise(
        _forgery,
        "Consistent in itself is not yet proved. Ask the log that you trust.",
        (
            "Where the batch is anchored can't be checked without the log.",
            "replace(batch.anchor, block_number=…) and review=None, as in step 5 of the lesson.",
        ),
    ),
    "05-next-moves": Exercise(
        _equals(
            {"appeal", "reinstate", "withdraw"},
            "Look up kit.core.MOVES of that state. Is it a set?",
        ),
        "A moderator may show it again, the author may complain once or take it back.",
        ('kit.moves.MOVES["suspended"]', "set(…) of a dictionary holds its keys."),
    ),
    "05-still-proved": Exercise(
        _equals(
            [1, 3, 4, 5, 6, 7], "Verify kept.compact() with diary.log and leaves; list the passed."
        ),
        "All about the leaf and the chain. The words are gone, the review isn't in the code.",
        (
            "kit.verify(kept.compact(), diary.log, leaves=diary.leaves())",
            'step.outcome == "passed"',
        ),
    ),
    "05-closed-loop": Exercise(
        _closed_loop,
        "Found, put right, reported back; and each of them stays.",
        ("inspect(2) returns a record.", "inspect(0, corrects=…), then diary.publish()."),
    ),
    "06-changed-row": Exercise(
        _equals(40, "Audit the changed table; what does its first fault say?"),
        "One second in one of 124 rows. The table's own hashes name it, the root on the chain proves it.",
        ("kit.audit.audit(log, leaves).faults", "….faults[0].seq"),
    ),
    "06-program": Exercise(
        _equals(PROGRAM, "Of those with ten entries or more, which has the lowest burstiness?"),
        "The same text every 37 minutes, day and night. A program? A duty roster? Ask.",
        (
            'often = rhythm[rhythm["entries"] >= 10]',
            'often.set_index("author")["burstiness"].idxmin()',
        ),
    ),
    "06-many-keys": Exercise(
        _many_keys,
        "Two fewer. With thirty keys it would be twenty-nine, and the chain would not mind.",
        (
            'suspects = {*both["author"], *both["other"]}',
            'authors.where(~authors.isin(suspects), "one person").nunique()',
        ),
    ),
    "06-could-not-post": Exercise(
        _could_not_post,
        "No interval of chance in it: this is what the table can't know.",
        (
            "The lower one: here / (here + elsewhere / 0.75).",
            "The upper one: here / 0.75 / (here / 0.75 + elsewhere).",
        ),
    ),
    "06-gini": Exercise(
        _gini,
        "The same as in the table above. Most wrote once: that is what makes it no larger.",
        ("np.arange(1, n + 1) are the i.", "(np.arange(1, n + 1) * counts).sum() is the sum."),
    ),
    "06-ninety-five": Exercise(
        _equals(7.2, "Solve 0.95 = 1 / (1 + e^(-r (t - t0))) for t."),
        "A week and a bit. The curve knows it only if it is the right curve.",
        ("e^(-r (t - t0)) must be 0.05 / 0.95.", "t0 + np.log(0.95 / 0.05) / r"),
    ),
    "07-rows": Exercise(
        _equals(30_765, "Add up num_rows of the four files."),
        "From the footers alone: no row was read.",
        (
            "duckdb.sql(question, params=[FILES]).fetchall()[0][0]",
            "SELECT sum(num_rows) FROM parquet_file_metadata(?)",
        ),
    ),
    "07-one-city": Exercise(
        _equals(1_714, "Distinct authors, of entries only, in 莆田: count(DISTINCT author)."),
        "The same number as in the table of places.",
        (
            "rows.filter(\"type = 'entry' AND place = '莆田'\")",
            "….aggregate('count(DISTINCT author)')",
        ),
    ),
    "07-last-week": Exercise(
        _equals(495, "The last row of who.weekly(rows), its column entries."),
        "The same function; only what it was given is another.",
        ("who.weekly(rows).df() is a pandas table.", '….iloc[-1]["entries"]'),
    ),
}
