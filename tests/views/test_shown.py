"""What a notebook shows of a verdict and of a log: all of it, escaped."""

from __future__ import annotations

from typing import Any

import kit
from kit import people
from kit.core import STEP_NAMES, Step, Verdict
from kit.log import Log

ROOT = "0x" + "11" * 32


def test_a_verdict_shows_its_steps() -> None:
    shown = kit.views.html(kit.verify("nonsense"))
    assert shown.count("<tr>") == 9
    assert all(name in shown for name in STEP_NAMES)


def test_a_verdict_is_escaped() -> None:
    script = "<script>alert('1')</script>"
    step = Step(1, script, "failed", script)
    shown = kit.views.html(Verdict(script, (step,) * 9, script))
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") == 20
    # And from outside: what stands in a certificate comes into the reason.
    told = kit.verify('{"format": "<img src=x onerror=alert(1)>"}')
    assert "<img" in told.steps[0].reason
    assert "<img" not in kit.views.html(told)


def test_a_certificates_verdict_keeps_the_salt() -> None:
    with kit.chain.embedded() as chain:
        diary = kit.Diary.open(chain)
        entry = diary.post(people.alice, "十人一桌", place="泉州")
        diary.review(entry, by=people.moderator, approve=True)
        diary.publish()
        certificate = diary.certificate(entry)
        diary.close()
    assert certificate.salt == entry.salt
    for value in (certificate, kit.verify(certificate), entry):
        assert entry.salt.hex() not in kit.views.html(value)


def test_a_log_shows_its_address_and_how_many_records_it_has(chain: Any) -> None:
    log = Log.deploy(chain, by=people.registrar)
    log.append(ROOT, 0, 1000, by=people.registrar)
    shown = kit.views.html(log)
    assert log.address in shown
    assert "1,000" in shown
