"""What is looked for before a rule is tried: a text that the rule matches never lacks it."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.adapters import descriptors, programming, redaction
from app.core import refusals

ASCII = st.characters(codec="ascii")
GATED = [
    *((programming._HELD[name], marks) for name, marks in programming._MARKS.items()),
    *((programming._CALLED[name], marks) for name, marks in programming._MARKS.items()),
    *((re.compile(rule), refusals._MARKS) for rule in refusals._REFUSALS if rule.isascii()),
]
NEEDED = [
    (descriptors._CERTAIN, descriptors._MARKED),
    *((rule.pattern, rule.needs) for rule in redaction._RULES if rule.needs is not None),
]
quickly = settings(max_examples=10, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(("rule", "marks"), GATED)
@given(drawn=st.data())
@quickly
def test_a_match_holds_a_mark(rule: re.Pattern[str], marks: list[str], drawn: st.DataObject) -> None:
    text = drawn.draw(st.from_regex(rule, alphabet=ASCII))
    assert any(mark in text.lower() for mark in marks), text


@pytest.mark.parametrize(("rule", "needed"), NEEDED)
@given(drawn=st.data())
@quickly
def test_a_match_holds_what_it_needs(
    rule: re.Pattern[str], needed: re.Pattern[str], drawn: st.DataObject
) -> None:
    assert needed.search(drawn.draw(st.from_regex(rule, alphabet=ASCII)))
