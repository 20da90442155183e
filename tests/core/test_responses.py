import json
import time

import numpy as np
import pytest
from msgspec.structs import replace

from app.core.aspects import RESPONSES
from app.core.baseline import rows_of
from app.core.descriptors import counted, described, descriptor_moves
from app.core.responses import EMPTY, READ, WHOLE, labels_of
from tests.rig import made


def form(text: str, reason: str | None = None) -> str | None:
    return next((label[8:] for label in labels_of(text, reason) if label.startswith("format: ")), None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ('{"answer": [1, 2]}', "JSON"),
        ('```json\n{"answer": "yes"}\n```', "JSON"),
        ('[{"id": 1}, {"id": 2}]', "JSON"),
        ('{"answer": "ye', "broken JSON"),
        ("{'answer': 'single quotes'}", "broken JSON"),
        ("[" * 100_000, "broken JSON"),
        ("[Note] the office is closed", None),
        ("{name}, thank you for writing", None),
        ("| a | b |\n| --- | :-: |\n| 1 | 2 |", "table"),
        ("a | b\n--- | ---\n1 | 2", "table"),
        ("First this.\n1. Open it.\n2. Close it.", "list"),
        ("* one\n* two", "list"),
        ("- one thing only", None),
        ("A rule:\n-----\nand more", None),
        ("It costs 2 - 3 euros.", None),
    ],
)
def test_the_format_of_a_response(text: str, expected: str | None) -> None:
    assert form(text) == expected


@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS"])
def test_a_response_that_was_cut_says_so(reason: str) -> None:
    assert "truncated" in labels_of("and then", reason)
    assert "truncated" not in labels_of("and then", "stop")


def test_the_finish_reason_knows_better_than_the_text() -> None:
    assert labels_of("", "content_filter")[0] == "refusal"
    assert form("", "tool_calls") == "tool call"


@pytest.mark.parametrize(
    ("characters", "said"),
    [(99, "under 100"), (100, "100 to 499"), (1999, "500 to 1,999"), (2000, "2,000 or more")],
)
def test_the_length_is_told_in_classes(characters: int, said: str) -> None:
    assert labels_of("x" * characters)[-1] == f"length: {said} characters"


@pytest.mark.parametrize("unit", [" ", "-", "| ", "- ", "\t|", "--|", "[", '{"a":', "`", "sorry "])
def test_no_text_takes_more_than_a_moment(unit: str) -> None:
    hostile = unit * (max(READ, WHOLE) // len(unit))
    began = time.process_time()
    labels_of(hostile), labels_of("```json\n" + hostile), labels_of(json.dumps([hostile]))
    assert time.process_time() - began < 1.0  # quadratic time would take minutes


def test_what_moves_among_responses_is_named() -> None:
    events = made.interactions(240)
    usual = made.answered(events[:120])
    said = ("", "I'm sorry, but I can't help with that.")
    odd = [replace(event, response=said[i % 2]) for i, event in enumerate(events[120:])]
    before, now = (rows_of(made.samples(part, RESPONSES)) for part in (usual, odd))
    moves = {
        m.name: (m.share_before, round(m.share_now, 9))
        for m in descriptor_moves(counted(before), described(now), np.ones(len(now)))
    }
    assert moves["refusal"] == (0.0, 0.5)
    assert moves["format: empty"] == (0.0, 0.5)


def test_an_empty_answer_is_kept_as_such() -> None:
    event = replace(made.interactions(1)[0], response="")
    (sample,) = made.samples([event], RESPONSES)
    assert (sample.text, sample.labels) == (EMPTY, ["format: empty", "length: under 100 characters"])
