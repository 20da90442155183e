"""What an eye may be shown: the one gate in front of every encoder."""

import re
from typing import cast

ADMIT_CHARACTERS = 4_000

_SURROGATE = re.compile("[\ud800-\udfff]")
# Anything but blanks, controls, formatting and fillers.  U+FFFD counts as a filler: the tokenizer
# drops it, so a text of nothing else would be a zero vector.
_VISIBLE = re.compile(
    r"[^\s\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U000e0000-\U000e0fff]"
)


def admit(text: object) -> str | None:
    r"""The text as the eyes may read it, or None for what no eye can read.  Never raises.

    Only str is read (a list of strings is not a text), at most 4,000 characters of it, cut before
    anything expensive; lone surrogates become U+FFFD.  None also for a text in which nothing is
    visible: empty, blanks, controls, zero-width characters.

    >>> admit("a" * 5_000) == "a" * 4_000, admit("\u200b \n"), admit(b"bytes"), admit("x\ud800")
    (True, None, None, 'x�')
    """
    # Not isinstance: an object may lie about its class, and would break the tokenizer later.
    if not issubclass(type(text), str):
        return None
    plain = str.__getitem__(cast(str, text), slice(ADMIT_CHARACTERS))
    try:
        plain.encode()
    except UnicodeEncodeError:  # much quicker than to look for them: almost no text has any
        plain = _SURROGATE.sub("\ufffd", plain)
    return plain if _VISIBLE.search(plain) else None
