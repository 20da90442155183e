"""A text as it may be kept: redacted, with its language and whether it is code."""

from app.adapters.descriptors import language, looks_like_code
from app.adapters.redaction import redact
from app.core.measurement import Described


def describe(text: str) -> Described:
    """Redact and describe one text.  Cost: about 0.3 ms."""
    return Described(redact(text), language(text), looks_like_code(text))
