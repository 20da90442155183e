import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.encoders import LiveEncoder, load_encoder
from app.adapters.ngrams import FROM_UNKNOWN, add_ngrams, hashed


def cosine(one: str, other: str) -> float:
    return float(hashed(one, 384) @ hashed(other, 384))


def test_texts_that_share_characters_are_near() -> None:
    assert cosine("今天北京的天气怎么样", "明天北京的天气怎么样") > 0.6
    assert abs(cosine("今天北京的天气怎么样", "请帮我写一封请假信")) < 0.3
    assert cosine("Привет", "привет") == pytest.approx(1.0)


def test_it_is_the_same_everywhere() -> None:
    """Hashes of Python differ between runs; these must not."""
    assert np.round(hashed("你好", 8), 4).tolist() == [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]


@given(st.text(max_size=200))
def test_any_text_gives_a_unit_vector_or_none(text: str) -> None:
    length = float(np.linalg.norm(hashed(text, 64)))
    assert length == pytest.approx(1.0) or length == 0.0


def test_known_texts_are_as_they_were_and_unknown_ones_are_moved_by_their_share() -> None:
    wording = np.zeros((4, 384), np.int16)
    wording[:, 0] = 32_767
    unknown = np.array([0.0, FROM_UNKNOWN, 0.5, 1.0], np.float32)
    out = add_ngrams(wording, unknown, ["a", "b", "你好 世界", "你好 世界"])
    assert out[:2].tolist() == wording[:2].tolist()
    assert 0 < out[2, 0] < 32_767
    assert np.abs(np.linalg.norm(out / 2.0**15, axis=1) - 1.0).max() < 1e-3
    assert float(out[3] / 2.0**15 @ hashed("你好 世界", 384)) == pytest.approx(1.0, abs=1e-3)
    assert not wording[:, 1:].any()  # its argument is left alone


def test_a_text_without_any_known_token_is_still_seen() -> None:
    out = add_ngrams(np.zeros((2, 384), np.int16), np.array([1.0, 1.0], np.float32), ["你好", " "])
    assert out[0].any()
    assert not out[1].any()


@pytest.mark.model
def test_chinese_topics_are_told_apart_and_english_is_untouched() -> None:
    encoder: LiveEncoder = load_encoder()
    chinese = ["今天北京的天气怎么样", "明天上海的天气怎么样", "请帮我写一封请假信", "请帮我写一封求职信"]
    seen = encoder.encode([*chinese, "what is the weather like"])
    assert (seen.unknown[:4] > FROM_UNKNOWN).all()
    assert seen.unknown[4] == 0.0
    plain, _ = encoder.table.encode([*chinese, "what is the weather like"])
    assert np.array_equal(seen.wording[4], plain[4])
    vectors = seen.wording[:4] / 2.0**15
    similar = vectors @ vectors.T
    assert min(similar[0, 1], similar[2, 3]) > similar[0, 2] + 0.3
