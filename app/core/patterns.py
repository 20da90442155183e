"""Regular expressions that people write, on texts that strangers write: tried for a bounded time."""

import regex

SECONDS = 0.05  # of computing, a text: a pattern in need of more means something else, or takes for ever


def found(pattern: str, text: str, *, ignore_case: bool = False) -> bool | None:
    r"""Whether a pattern occurs in a text; None where that took too long, or it is no pattern.

    >>> found(r"refund|chargeback", "A REFUND, please", ignore_case=True), found(r"(", "x")
    (True, None)
    >>> found(r"(a+)+$", "a" * 4000 + "!") is None
    True
    """
    try:
        flags = regex.IGNORECASE if ignore_case else 0
        return regex.search(pattern, text, flags=flags, timeout=SECONDS) is not None
    except (TimeoutError, regex.error):
        return None
