"""Descriptors of a prompt that the eyes do not give: its language, and whether it is code."""

import re
from functools import cache
from threading import Lock
from typing import Any

import numpy as np

_READ = 600  # characters; more changes no decision worth its time
_ENOUGH_LATIN = 12  # letters
_ENOUGH_OTHER = 4  # a script of its own says more per letter: four Chinese characters are a clause
_SURE = 0.6  # probability below which the language is left open

# Script -> language.  Where a script has several languages the widest one names it: this tells that
# another language arrived, not which of its neighbours.
_SCRIPTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("ja", re.compile("[\u3041-\u30ff\uff66-\uff9d]")),
    ("zh", re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")),
    ("ko", re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")),
    ("th", re.compile("[\u0e01-\u0e4e]")),
    ("te", re.compile("[\u0c01-\u0c63]")),
    ("bn", re.compile("[\u0981-\u09e3]")),
    ("ta", re.compile("[\u0b82-\u0bd7]")),
    ("hi", re.compile("[\u0901-\u0963]")),
    ("ar", re.compile("[\u0620-\u065f\u0671-\u06d5]")),
    ("he", re.compile("[\u05d0-\u05f2]")),
    ("el", re.compile("[\u0370-\u03ff\u1f00-\u1fff]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_KANA_SHARE = 0.1  # of kana and Chinese characters; Japanese seldom has less, Chinese none

# Languages of the Latin alphabet that are told apart; small neighbours (Scots and English, Venetian
# and Italian) are left out, for they only take short texts away from the large ones.
_LATIN = (
    "af az ca cs cy da de en eo es et eu fi fr ga gl ha hr hu id ig is it la lt lv mt nl no pl pt "
    "qu ro sk sl so sq sv sw tl tr uz vi xh yo zu zxx"
)
_LOCK = Lock()


def language(text: str) -> str | None:
    """ISO 639-1 code of the main language, None when there is too little text or no clear winner.

    Needs 12 letters (4 of a script that is not Latin).  Non-Latin scripts are told by their code
    points alone, so all Cyrillic is "ru", all Arabic script "ar", all Devanagari "hi".
    Cost: 20 us by script, 0.1-0.6 ms otherwise; the first Latin text loads a model (0.9 s, 100 MB).

    >>> language("Пожалуйста, помогите мне"), language("hi"), language("1 + 1 = 2")
    ('ru', None, None)
    """
    head = text[:_READ]
    letters = sum(map(str.isalpha, head))
    found = _by_script(head, letters) if not head.isascii() else None
    if found is not None or letters < _ENOUGH_LATIN:
        return found
    plain = head.encode("utf-8", "replace").decode()  # lone surrogates
    with _LOCK:
        code, probability = _identifier().classify(plain)
    return str(code) if probability >= _SURE and code != "zxx" else None


def _by_script(head: str, letters: int) -> str | None:
    """The language whose script has most of the letters, if one has at least half."""
    if letters < _ENOUGH_OTHER:
        return None
    other = "".join(_NOT_ASCII.findall(head))
    counts = {code: len(script.findall(other)) for code, script in _SCRIPTS}
    if counts["ja"] >= _KANA_SHARE * (counts["ja"] + counts["zh"]):
        counts["ja"] += counts.pop("zh")
    code = max(counts, key=lambda name: counts[name])
    # Vowel signs of Indic scripts count as characters here and not as letters: that errs to "found".
    return code if counts[code] >= max(letters / 2, _ENOUGH_OTHER) else None


@cache
def _identifier() -> Any:  # noqa: ANN401  (py3langid has no types)
    """An identifier of our own: the library's is global, and anyone may restrict its languages."""
    from py3langid import langid

    identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    identifier.set_languages(_LATIN.split())
    # Chosen columns lie apart in memory, and what is read is rows: 0.6 of the time, and the same to the bit.
    identifier.nb_ptc = np.ascontiguousarray(identifier.nb_ptc)
    return identifier


# One of these is enough: nobody writes them in a sentence.
_CERTAIN = re.compile(
    r"^ {0,3}(?:```|~~~)[\w+-]*[ \t]*$"
    r"|\b(?:async[ ]+)?def[ ]+\w+[ ]*\([^()\n]{0,200}\)[^:\n]{0,80}:"
    r"|\bclass[ ]+\w+[ ]*(?:\([\w., ]{0,80}\))?:[ ]*$"
    r"|\bfunction\b[ ]*\w*[ ]*\([^()\n]{0,200}\)[ ]*\{|\([\w, ]{0,80}\)[ ]*=>[ ]*[{(\w]"
    r"|^[ \t]*#[ ]*(?:include[ ]*[<\"]|define[ ]+\w)|^#!/"
    r"|^[ \t]*(?:from[ ]+[\w.]+[ ]+import[ ]+[\w*(]|import[ ]+[\w.]+(?:[ ]+as[ ]+\w+|;)[ ]*$)"
    r"|\b(?:public|private|protected|static)[ ]+(?:[\w<>\[\]]+[ ]+){1,4}\w+[ ]*\("
    r"|\bSELECT\b[^;]{1,300}?\bFROM[ ]+[\w.\"`\[]|\bINSERT[ ]+INTO[ ]+\w|\bCREATE[ ]+TABLE[ ]+\w"
    r"|\bselect[ ]+(?:\*|[\w.]+)[ ]*(?:,[ ]*[\w.]+[ ]*){0,20}from[ ]+[\w.]+[ ]+where[ ]+[\w.]+[ ]*[=<>]"
    r"|</[a-z][\w-]{0,20}>|;[ ]*(?:then|done|fi)\b"
    r"|<\?(?:php|xml)\b|\bstd::\w|\bconsole\.log\(|\bSystem\.out\.print",
    re.MULTILINE,
)
_MARKED = re.compile(r"[`~(#<>;:=]|import|SELECT|INSERT|CREATE|System")  # one of these is in each of them
# Of these, several lines are needed.
_LIKELY = re.compile(
    r"^[ \t]*(?:"
    r"(?:if|elif|for|while|with|switch|catch|except)\b[^\n]{0,200}[:{]"
    r"|(?:else|try|finally|do)[ ]*[:{]|\}[ ]*(?:else|catch|finally)?[^\n]{0,40}"
    r"|[^\n]{0,200}[=(\[][^\n]{0,200};|[^\n]{0,200}\{"
    r"|(?:const|let|var|val|int|float|double|char|bool|auto|fn|func)[ ]+\w+[^\n]{0,200}[=(][^\n]{0,200}"
    r"|import[ ]+[\w.]+|return\b[^\n]{0,200}[\w)\]\"'}];?"
    r"|[\w.\[\]\"']{1,80}[ ]*(?:[-+*/]|:)?=[ ]*\S[^\n]{0,200}"
    r"|[\w.]{2,80}\([^\n]{0,200}\)|@\w[\w.]*(?:\([^\n]{0,200}\))?|\"[\w ]{1,40}\"[ ]*:[ ]*[^\n]{1,200}"
    r"|\$[ ]+\w[^\n]{0,200}"
    r")[ \t]*$"
)
_SYMBOLS = re.compile(r"[{}\[\]<>=;|&\\_`$()\":]")


def looks_like_code(text: str) -> bool:
    r"""Does the text hold program code, as opposed to words about it?  Reads 4,000 characters.

    One unmistakable construct is enough (a fence, a definition, a query, a closing tag), else at
    least three lines and half of all must look like code, else symbols must be dense and varied.
    Cost: 10-300 us.

    >>> looks_like_code("x = 2\ny = f(x)\nprint(y)"), looks_like_code("write a python function")
    (True, False)
    """
    head = text[:4_000]
    if _MARKED.search(head) and _CERTAIN.search(head):
        return True
    lines = [line for line in head.split("\n") if line.strip()]
    likely = sum(_LIKELY.match(line[:300]) is not None for line in lines)
    if likely >= 3 and 2 * likely >= len(lines):
        return True
    symbols = _SYMBOLS.findall(head)
    return len(head) >= 20 and len(symbols) >= 0.15 * len(head) and len(set(symbols)) >= 5
