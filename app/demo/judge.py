"""A stand-in for a judge: it reads whether an answer has the form that was asked for.

Rules, no model, so that the demo needs none; it is asked over HTTP as a judge is, by its rubric.
"""

import re
from typing import Any

ASKS_TABLE = re.compile(r"\btable\b|step by step", re.IGNORECASE)
ASKS_CODE = re.compile(r"\b(?:python|traceback|sql|def|const|select|import|function|class)\b", re.IGNORECASE)
HAS_TABLE = re.compile(r"^\s*\|.+\|", re.MULTILINE)
HAS_CODE = re.compile(r"```|^\s*(?:def|import|const|SELECT) ", re.MULTILINE)


def grade(shown: dict[str, str]) -> dict[str, Any]:
    """A grade of 1 to 5, as `FakeChat.grade` wants it.

    >>> grade({"question": "Where is my parcel?", "answer": "It left our depot this morning."})["score"]
    5
    >>> grade({"question": "Act as a planner. Output as a table.", "answer": "First the facts."})["score"]
    2
    """
    asked, said = shown["question"], shown["answer"]
    if ASKS_TABLE.search(asked) and not HAS_TABLE.search(said):
        return {"reason": "a table was asked for", "score": 2}
    if ASKS_CODE.search(asked) and not HAS_CODE.search(said):
        return {"reason": "code was asked for", "score": 2}
    if len(said) < 25:
        return {"reason": "short", "score": 4}
    return {"reason": "as asked", "score": 5}
