"""Redaction: what must go, what must stay, and that no input is expensive."""

import re
import unicodedata
from types import ModuleType
from typing import Any

import pytest

from app.adapters import redaction
from app.adapters.redaction import redact

# Assembled from pieces: a scanner for committed secrets should find none here.
JWT = "eyJ" + "hbGciOiJub25lIn0" + "." + "eyJzdWIiOiJ0ZXN0In0" + "." + "abc123"
RANDOM = "q8Zt4Lw0Xv2Rk7Np5Ys1"
GONE = [
    ("mail ann.o'neil+x@sub.example.co.uk now", "mail <email> now"),
    ("ann [at] example [dot] org", "<email>"),
    ("ｊｏｅ＠example．com", "<email>"),
    ("jürgen@example.de", "<email>"),
    ("call (415) 555-2671 or 415-555-2671", "call <phone> or <phone>"),
    ("ring +1 415 555 2671.", "ring <phone>."),
    ("+49 (0)30 1234-567", "<phone>"),
    ("030 12345678 bitte", "<phone> bitte"),
    ("01 23 45 67 89", "<phone>"),
    ("my phone number is 5551234567", "my phone number is <phone>"),
    ("tel: 030/123 45 67", "tel: <phone>"),
    ("card 4111 1111 1111 1111 exp 12/27", "card <card> exp 12/27"),
    ("1 4111-1111-1111-1111 2", "1 <card> 2"),
    ("4111111111111111,5500005555555559.", "<card>,<card>."),
    ("378282246310005", "<card>"),
    ("IBAN DE89 3704 0044 0532 0130 00 and then", "IBAN <iban> and then"),
    ("de89370400440532013000", "<iban>"),
    ("GB82WEST12345698765432.", "<iban>."),
    ("192.168.10.25, and 10.0.0.12.", "<ip>, and <ip>."),
    ("http://10.0.0.12:8080/x", "http://<ip>:8080/x"),
    ("2001:db8::8a2e:370:7334 and fe80::1", "<ip> and <ip>"),
    ("http://[2001:db8::1]/x", "http://[<ip>]/x"),
    ("ssn 123-45-6789", "ssn <id>"),
    ("https://bob:hunter2@example.com/p", "https://<key>@example.com/p"),
    (
        "https://example.com/p?a=1&access_token=xyz&b=2#id_token=q",
        "https://example.com/p?a=1&access_token=<key>&b=2#id_token=<key>",
    ),
    ("use sk-" + "a1B2" * 8, "use <key>"),
    ("ghp_" + "a1B2c3" * 6, "<key>"),
    ("AKIA" + "ABCD1234EFGH5678", "<key>"),
    ("xoxb-" + "1234567890-abc", "<key>"),
    (JWT, "<key>"),
    ("Authorization: Bearer " + "abc.def-123", "Authorization: Bearer <key>"),
    ("Authorization: Basic " + "dXNlcjpwYXNzd29yZA==", "Authorization: Basic <key>"),
    ("password: hunter2!", "password: <key>"),
    ("password=correcthorse", "password=<key>"),
    ('{"password": "correcthorse"}', '{"password": "<key>"}'),
    ("my password is hunter2!", "my password is <key>"),
    ("api_key = 'abcd1234efgh'", "api_key = '<key>'"),
    ("MY_API_KEY=abcd1234efgh", "MY_API_KEY=<key>"),
    (f"it is {RANDOM} I think", "it is <key> I think"),
    ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "<key>"),
    ("wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYzEXAMPLKEY", "<key>"),
    ("session id: 3f2b8c1e-1111-4222-8333-abcdefabcdef", "session id: <key>"),
    ("session token 3f2b8c1e-1111-4222-8333-abcdefabcdef", "session token <key>"),
    ("-----BEGIN RSA PRIVATE " + "KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----\nok", "<key>\nok"),
    ("-----BEGIN PRIVATE " + "KEY-----\nMIIabc no end", "<key>"),
    ("jo\u200bhn@exa\u202emple.com", "<email>"),
    ("4111\u200b1111\u20611111\u200d1111", "<card>"),
]
KEPT = [
    "in 2024",
    "from 2019-2024 and 2024/2025",
    "1,000,000 or 1 000 000 000 euros",
    "$12.345.678.901 and €1.234.567,89",
    "port 8080",
    "version 1.2.3.4 of it",
    "v10.20.30.40",
    "Chrome/120.0.0.0 Safari",
    "section 3.1.4.2",
    "ISO 27001:2013",
    "3.14159265358979",
    "pi is 3.141592653589793238462643",
    "2^31-1 = 2147483647",
    "order 123456789",
    "1700000000000",
    "2024-01-02 10:30:45",
    "01.02.2024 10:30",
    "between 100 and 200 000 000",
    "+10 000 000 users",
    "100-200-3000",
    "1 2 3 4 5 6 7 8 9 10 11 12",
    "0 1 2 3 4 5 6 7 8 9",
    "x = [0.125, 0.250, 0.375]",
    "room 404, floor 12",
    "call 1000 functions",
    "4111 1111 1111 1112",  # fails the check digit
    "DE00 3704 0044 0532 0130 00",  # fails the check digits
    "the token is expired",
    "a password must have 8 characters",
    "my password is the name of my cat",
    "token = tokenizer.encode(text)",
    "password = get_pass(x)",
    "api_key=os.environ['X']",
    "Basic knowledge2 needed",
    "std::vector<int> a::b",
    "12:30:45",
    "getUserAccountByIdV2FromDatabase",
    "my-long-kebab-case-name-2024-07-18",
    "src/components/Button/index2.tsx",
    "3f2b8c1e-1111-4222-8333-abcdefabcdef",
    "Donaudampfschifffahrtsgesellschaft",
    "@app.get('/x')",
    "def f(x):\n    if x:\n        return 1",
    "你好，世界！请帮我写一封信。",
    "großartig – «да»",
]
HOSTILE = [
    "a" * 1_000_000,
    "a@" * 500_000,
    "a." * 500_000,
    "1 " * 500_000,
    ":" * 1_000_000,
    "\x1b[" * 500_000,
    "\x1b]" * 500_000,
    "-----BEGIN PRIVATE " + "KEY" * 300_000,
    "http://" * 150_000,
    "token " * 150_000,
    "\n \n" * 300_000,
    "a1B" * 300_000,
    "AB12 " * 200_000,
    "(" * 1_000_000,
    "\ud800" * 100_000,
    "z\u0301" + "\u0301" * 100_000,
]


@pytest.mark.parametrize(("text", "shown"), GONE)
def test_gone(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize("text", KEPT)
def test_kept(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x \x1b]8;;http://e\x1b\\link", "x link"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a\x00\x08b\x9b31mc", "abc"),
        ("\u202eabc\u2066\u200e\u200f", "abc"),
        ("a\ud800b", "a\ufffdb"),
        ("no" + "o" * 50, "nooo…"),
        ("z" + "\u0301" * 50, "z" + "\u0301" * 3),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("  a  ", "a"),
        ("", ""),
        ("x" + " " * 90 + "y", "x" + " " * 24 + "y"),
    ],
)
def test_cleaned(text: str, shown: str) -> None:
    assert unicodedata.normalize("NFC", redact(text)) == unicodedata.normalize("NFC", shown)


@pytest.mark.parametrize("text", [text for text, _ in GONE] + KEPT + [text[:9_000] for text in HOSTILE])
def test_twice_is_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_only_a_window_of_a_huge_text_is_read(text: str) -> None:
    shown = redact(text)
    assert len(shown) <= 500
    assert shown.endswith("…")
    # What stands beyond the window changes nothing: cost is bounded by the window.
    assert redact(text[: 4 * 500 + 1_025]) == shown


@pytest.mark.parametrize("limit", [1, 2, 7, 40])
def test_never_longer_than_the_limit_and_no_half_placeholder(limit: int) -> None:
    shown = redact("write to ann@example.org and to bob@example.org please, both", limit=limit)
    assert len(shown) <= limit
    assert re.search(r"<[a-z]*…", shown) is None


def test_a_secret_across_the_end_of_the_window_is_not_shown() -> None:
    card = "4111 1111 1111 1111"
    for shift in range(len(card) + 1):
        # Redaction shrinks the head, so that the window's end would come into view.
        head = ("password=" + "a1" * 200 + " ") * 8
        text = head[: 4 * 500 + 1_023 - shift] + " " + card + " tail" * 100
        assert "4111" not in redact(text)


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="limit"):
        redact("x", limit=0)


def patterns(module: ModuleType) -> list[re.Pattern[str]]:
    found: list[re.Pattern[str]] = []
    for value in vars(module).values():
        if isinstance(value, re.Pattern):
            found.append(value)
        elif isinstance(value, tuple):
            found += [
                part[0] for part in value if isinstance(part, tuple) and isinstance(part[0], re.Pattern)
            ]
    return found


def open_repeats(tree: Any, inside: bool = False) -> list[str]:
    """Unbounded repeats that stand inside an unbounded repeat: the shape of exponential time."""
    found: list[str] = []
    for operation, argument in tree:
        name = str(operation)
        if name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            endless = argument[1] >= 2**31
            found += [name] if endless and inside else []
            found += open_repeats(argument[2], inside or endless)
        elif name == "SUBPATTERN":
            found += open_repeats(argument[-1], inside)
        elif name == "BRANCH":
            for branch in argument[1]:
                found += open_repeats(branch, inside)
        elif name in {"ASSERT", "ASSERT_NOT"}:
            found += open_repeats(argument[1], inside)
    return found


def test_no_pattern_nests_unbounded_repeats() -> None:
    parse = re._parser.parse  # type: ignore[attr-defined]
    assert open_repeats(parse(r"(a+)+"))  # the check can fail
    assert len(patterns(redaction)) > 20
    for pattern in patterns(redaction):
        assert not open_repeats(parse(pattern.pattern, pattern.flags & ~re.UNICODE)), pattern.pattern
