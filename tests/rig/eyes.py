"""A tokenizer of eleven words, and texts nobody should send."""

from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from app.adapters.wording import StaticTable

WORDS = ["[UNK]", "the", "cat", "dog", "sat", "##s", "!", "[SEP]", "sep", "[", "]"]


class Liar:
    """Claims to be a str."""

    __class__ = property(lambda _: str)


class Loud(str):
    """A str whose own methods raise."""

    __slots__ = ()

    def __getitem__(self, key: object) -> str:
        raise RuntimeError("no")


HOSTILE: list[object] = [
    None,
    b"the cat",
    7,
    float("nan"),
    ["the", "cat"],
    ("the", "cat"),
    {"text": "the cat"},
    Liar(),
    "",
    " \t\n",
    "\x00\x01",
    "\u200b\u200d\ufeff",
    "\u202e\u2066",
    "\ud800",
    "\U000e0041",
]
ODD_TEXTS = [
    "the cat" + "\ud800",
    "the\x00cat",
    "cat " * 25_000,
    "c" * 100_000,
    "😀" * 5_000,
    "你" * 5_000,
    "cat\u200b dog",
    "[SEP] [UNK] [CLS]",
    Loud("the cat"),
]


def tiny_tokenizer() -> bytes:
    """Eleven tokens; the file asks for padding and a cut at two tokens."""
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[SEP]"])
    tokenizer.enable_padding(length=64)
    tokenizer.enable_truncation(max_length=2)
    return tokenizer.to_str().encode()


def tiny_table(dimension: int = 8) -> StaticTable:
    """A table of eleven tokens."""
    vectors = np.random.default_rng(3).standard_normal((len(WORDS), dimension)).astype(np.float16)
    return StaticTable(vectors, tokenizer=tiny_tokenizer(), fingerprint="tiny", metadata={})


TEXTS = [
    "how do I reset my password",
    "write a python function that sorts a list of dictionaries by a key",
    "你好，请帮我写一封信",
    "a",
    "the quick brown fox " * 200,
    "😀 great!",
]
PAIRS = [
    ("How do I reset my password?", "I forgot my login and need a new password"),
    ("What is the weather in Paris tomorrow?", "Will it rain this weekend in London?"),
    ("Write a python function that sorts a list", "Fix the bug in this javascript loop"),
    ("Recommend a recipe for chicken soup", "How long should I cook rice and beans?"),
    ("Transfer two hundred dollars to my savings account", "What is the balance of my bank account?"),
    ("Book a flight to Tokyo in May", "Find a cheap hotel near the airport"),
]


def fake_model(folder: Path) -> Path:
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "tokenizer.json").write_bytes(tiny_tokenizer())
    return folder
