import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.naming import name_clusters, name_groups, words
from app.core.rows import Rows
from tests.rig import made

USUAL = made.rows(60)


def test_equal_names_get_a_number() -> None:
    assert name_clusters(["same words"] * 3, np.arange(3), 3) == (
        "words",
        "words (2)",
        "words (3)",
    )


def test_texts_without_words_still_have_a_name() -> None:
    assert name_clusters(["42", "the"], np.array([0, 0]), 1) == ("no words",)


@given(st.text(max_size=200))
def test_any_text_has_a_list_of_words(text: str) -> None:
    assert all(isinstance(word, str) and word for word in words(text))


def group(texts: list[str], *, language: str | None = "en", code: bool = False) -> Rows:
    rows = made.rows(len(texts))
    return Rows(
        wording=rows.wording,
        shape=rows.shape,
        texts=tuple(texts),
        languages=(language,) * len(texts),
        code=(code,) * len(texts),
    )


@pytest.mark.parametrize(
    ("language", "texts", "name"),
    [
        ("es", ["cuántos libros que la", "cuántos que la"], "Spanish · cuántos · libros"),
        ("th", ["นก", "นก"], "Thai · นก"),
        ("xx", ["blarg", "blarg"], "xx · blarg"),
        ("en", ["blarg", "blarg"], "blarg"),
    ],
)
def test_a_language_that_the_baseline_lacks_comes_first(language: str, texts: list[str], name: str) -> None:
    assert name_groups(USUAL, group(texts, language=language), [np.arange(2)]) == (name,)


def test_code_comes_first_where_the_baseline_has_none() -> None:
    assert name_groups(USUAL, group(["python function"] * 3, code=True), [np.arange(3)]) == (
        "code · function · python",
    )


def test_two_languages_share_a_name() -> None:
    now = group(["mehr wörter", "más palabras"], language=None)
    now = Rows(wording=now.wording, shape=now.shape, texts=now.texts, languages=("de", "es"), code=now.code)
    assert name_groups(USUAL, now, [np.arange(2)])[0].startswith("German and Spanish · ")


def test_a_group_is_named_against_the_baseline_not_within_itself() -> None:
    now = group(["parcel zebra", "parcel zebra", "invoice"])
    assert name_groups(USUAL, now, [np.arange(2)])[0].startswith("zebra")


def test_texts_that_nobody_described_have_names_too() -> None:
    bare = Rows(wording=USUAL.wording, shape=USUAL.shape, texts=USUAL.texts)
    assert name_groups(bare, bare, [np.arange(3)])[0]


def test_marks_belong_to_the_words_of_their_script() -> None:
    assert words("రాబర్ట్ కాదు") == ["రాబర్ట్", "కాదు"]
