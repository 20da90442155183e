r"""What a response is, told from its text and its finish reason: refusal, truncated, format, length.

Guesses by form, made for share changes: wrong now and then on one answer, the same way before and after.
"""

import json
import re

from app.core.refusals import is_refusal

EMPTY = "(empty)"  # what stands for a response without text
WHOLE = 100_000  # characters beyond which JSON is not parsed
READ = 20_000  # characters in which lists and tables are looked for
LENGTHS = ((100, "under 100"), (500, "100 to 499"), (2000, "500 to 1,999"))
LONGEST = "2,000 or more"
TOOLS = {"tool_calls", "tool_use", "function_call", "tool_call"}
CUT = {"length", "max_tokens", "max_output_tokens", "model_length", "incomplete"}
BLOCKED = {
    "refusal",
    "content_filter",
    "content_filtered",
    "guardrail_intervened",
    "safety",
    "blocklist",
    "prohibited_content",
    "spii",
}

_FENCED = re.compile(r"\A```(?:json)?[ \t]*\n(.*?)\n?```\Z", re.DOTALL | re.IGNORECASE)
_JSON = re.compile(r"\{\s*(?:[\"'}]|\Z)|\[\s*(?:[\[{\"\d\]-]|\Z)")
_ITEM = re.compile(r"^[ \t]{0,40}(?:[-*•–]|\d{1,3}[.)])[ \t]+\S", re.MULTILINE)
_CELL = r"[ \t]{0,40}:?-{1,200}:?[ \t]{0,40}"
_RULE = re.compile(rf"^[ \t]{{0,40}}\|?(?:{_CELL}\|){{1,60}}(?:{_CELL})?\r?$", re.MULTILINE)
FEWEST_ITEMS = 2


def labels_of(text: str, finish_reason: str | None = None) -> list[str]:
    r"""Labels of a response, in a fixed order; a plain one of few words has only its length.

    Reads a bounded part of the text.  Cost: about 0.1 ms.

    >>> labels_of("I'm sorry, but I can't help with that.")
    ['refusal', 'length: under 100 characters']
    >>> labels_of('{"answer": 42', finish_reason="length")
    ['truncated', 'format: broken JSON', 'length: under 100 characters']
    >>> labels_of("Two ways:\n- by train\n- on foot")
    ['format: list', 'length: under 100 characters']
    """
    reason = (finish_reason or "").lower()
    out = ["refusal"] if reason in BLOCKED or is_refusal(text) else []
    if reason in CUT:
        out.append("truncated")
    form = _form(text.strip(), reason)
    if form is not None:
        out.append(f"format: {form}")
    return [*out, f"length: {_length(len(text))}"]


def _form(text: str, reason: str) -> str | None:
    if reason in TOOLS:
        return "tool call"
    if not text:
        return "empty"
    fenced = _FENCED.match(text)
    body = (fenced[1] if fenced else text).strip()
    if _JSON.match(body):
        return "JSON" if _parses(body) else "broken JSON"
    if _RULE.search(text[:READ]):
        return "table"
    return "list" if len(_ITEM.findall(text[:READ])) >= FEWEST_ITEMS else None


def _parses(text: str) -> bool:
    if len(text) > WHOLE:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _length(characters: int) -> str:
    return next(
        (f"{name} characters" for limit, name in LENGTHS if characters < limit), f"{LONGEST} characters"
    )
