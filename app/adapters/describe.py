"""A text as it may be kept: redacted, with its language, whether it is code, and whose."""

from collections.abc import Callable
from typing import TypeVar

from app.adapters.descriptors import language, looks_like_code
from app.adapters.programming import programming_language
from app.adapters.redaction import redact
from app.core.sampling import Described

T = TypeVar("T")
WITHHELD = "[text withheld: it could not be redacted]"


def describe(text: str) -> Described:
    """Redact and describe one text.  Cost: about 0.4 ms.

    What fails on a text is left open, and said: a worker must not die of it, and no text is kept as it came.
    """
    failed: list[Exception] = []
    return Described(
        _guarded(redact, text, failed) or (WITHHELD if failed else ""),
        _guarded(language, text, failed),
        bool(_guarded(looks_like_code, text, failed)),
        _guarded(programming_language, text, failed),
        failed=bool(failed),
    )


def _guarded(find: Callable[[str], T], text: str, failed: list[Exception]) -> T | None:
    try:
        return find(text)
    except Exception as error:  # whatever a library makes of a hostile text
        failed.append(error)
        return None
