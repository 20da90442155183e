"""A tokenizer that remembers words: how a word splits does not depend on its neighbours."""

import json
import os
from collections.abc import Callable, Sequence
from itertools import chain, islice
from typing import Any

from tokenizers import Tokenizer

from app.errors import InputError

WORDS = 65_536  # remembered at most: about 15 MB
WORD_BYTES = 48  # of one that is remembered; longer ones are rare and seldom come again

_MARKS = [bytes((byte,)) for byte in b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"]
_ALONE = [(mark, b" " + mark + b" ") for mark in _MARKS]
_SAME = bytes(range(256))
_LOWER = bytes(byte + 32 if 65 <= byte <= 90 else byte for byte in range(256))
_CONTROLS = bytes(byte for byte in (*range(32), 127) if byte not in b"\t\n\r")


class WordPieces:
    """Token ids of texts, without special tokens: to the last id those of the library.

    A BERT tokenizer drops controls, cuts at blanks, takes each punctuation mark alone, and only then
    looks into a word.  So a text is cut here, at ASCII blanks and marks, in a few passes of C, and the
    library is asked for the words that are new; people use few words often.  What other kinds of
    tokenizers do is not known here: their texts go to the library whole.  Threads may share one.
    """

    def __init__(self, tokenizer: bytes) -> None:
        """`tokenizer` is the text of a tokenizer.json.  Raises InputError where it is none."""
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # few words at a time, one thread
        self._library = _reader(tokenizer)
        parts = json.loads(tokenizer)
        rules: dict[str, Any] = parts["normalizer"] or {}
        cuts: dict[str, Any] = parts["pre_tokenizer"] or {}
        self._bert = rules.get("type") == "BertNormalizer" and cuts.get("type") == "BertPreTokenizer"
        self._bert = self._bert and bool(rules["clean_text"])
        self._case = _LOWER if rules.get("lowercase") else _SAME
        self._known: dict[bytes, tuple[int, ...]] = {}
        self.vocabulary: int = self._library.get_vocab_size(with_added_tokens=True)
        self.unknown = _unknown_id(parts["model"])  # id of the unknown token, -1 where there is none

    def ids(self, texts: Sequence[str], limit: int) -> list[list[int]]:
        """The first `limit` ids of each text; texts hold no lone surrogates (see `admit`).

        Cost: 4 us for 11 tokens, 40 us for 256; for words never met as much as the library's, 2 us a token.
        """
        if not self._bert:
            return [ids[:limit] for ids in self.by_library(texts)]
        known = self._known
        found: list[list[int]] = []
        strange: dict[int, list[bytes]] = {}
        for row, text in enumerate(texts):
            words = self._words(text)
            try:
                found.append(_joined(words, known.__getitem__, limit))
            except KeyError:
                found.append([])
                strange[row] = words
        if strange:
            fresh = self._learn(set(chain.from_iterable(strange.values())).difference(known))
            for row, words in strange.items():
                found[row] = _joined(words, lambda word: fresh[word] if word in fresh else known[word], limit)
        return found

    def frame(self) -> tuple[list[int], list[int]]:
        """Special ids before and after one text, as a model wants them: ([CLS], [SEP])."""
        sample = self._library.encode("a")
        own = [place for place, special in enumerate(sample.special_tokens_mask) if not special]
        return sample.ids[: own[0]], sample.ids[own[-1] + 1 :]

    def _words(self, text: str) -> list[bytes]:
        plain = text.encode().translate(self._case, _CONTROLS)
        for mark, alone in _ALONE:
            plain = plain.replace(mark, alone)
        return plain.split()

    def _learn(self, words: set[bytes]) -> dict[bytes, tuple[int, ...]]:
        """Ask for words and remember them; a full memory is begun anew, for what people say changes."""
        asked = sorted(words)
        pieces = zip(asked, map(tuple, self.by_library([word.decode() for word in asked])), strict=True)
        fresh = dict(pieces)
        kept = {word: ids for word, ids in fresh.items() if len(word) <= WORD_BYTES}
        if len(self._known) + len(kept) > WORDS:
            self._known = {}  # not cleared: another thread may be reading the old one
        if len(kept) <= WORDS:
            self._known.update(kept)
        return fresh

    def by_library(self, texts: Sequence[str]) -> list[list[int]]:
        """All ids of each text, asked of the library whole."""
        # Special tokens are spelled out like any text: "[SEP]" in a prompt is ordinary tokens.
        encodings = self._library.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encodings]


def _joined(words: Sequence[bytes], pieces: Callable[[bytes], tuple[int, ...]], limit: int) -> list[int]:
    return list(islice(chain.from_iterable(map(pieces, words)), limit))


def _reader(tokenizer: bytes) -> Tokenizer:
    """A tokenizer of our own: no padding, no cut, special tokens read as plain text."""
    try:
        reader = Tokenizer.from_buffer(tokenizer)
    except Exception as error:  # the library raises nothing narrower
        raise InputError(f"wording table: unusable tokenizer ({error})") from error
    reader.no_padding()
    reader.no_truncation()
    reader.encode_special_tokens = True
    return reader


def _unknown_id(model: dict[str, Any]) -> int:
    if isinstance(model.get("unk_id"), int):
        return int(model["unk_id"])
    vocabulary = model.get("vocab")
    return int(vocabulary.get(model.get("unk_token"), -1)) if isinstance(vocabulary, dict) else -1
