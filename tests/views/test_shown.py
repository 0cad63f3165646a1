"""How a verdict and a log show themselves in a notebook."""

from __future__ import annotations

from typing import Any

import kit
from kit import people
from kit.core import STEP_NAMES, Step, Verdict
from kit.log import Log


def test_a_verdict_shows_its_steps() -> None:
    shown = kit.verify("nonsense")._repr_html_()
    assert shown.count("<tr>") == 9
    assert all(name in shown for name in STEP_NAMES)


def test_a_result_is_escaped() -> None:
    script = "<script>alert('1')</script>"
    step = Step(1, script, "failed", script)
    shown = Verdict(script, (step,) * 9, script)._repr_html_()
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") == 20
    # And from outside: what stands in a certificate comes into the reason.
    told = kit.verify('{"format": "<img src=x onerror=alert(1)>"}')
    assert "<img" in told.steps[0].reason
    assert "<img" not in told._repr_html_()


def test_how_a_log_shows_itself(chain: Any) -> None:
    log = Log.deploy(chain, by=people.registrar)
    log.append("0x" + "11" * 32, 0, 1000, by=people.registrar)
    shown = log._repr_html_()
    assert log.address in shown
    assert "1,000" in shown


def test_html_is_escaped() -> None:
    shown = kit.views.html.html_table({"<script>": "</code><script>alert('1')</script>"})
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
