"""Admission: what an eye may be shown."""

import pytest

from app.adapters.admission import ADMIT_CHARACTERS, admit
from tests.rig.eyes import HOSTILE, ODD_TEXTS


@pytest.mark.parametrize("text", HOSTILE, ids=lambda value: repr(value)[:20])
def test_what_no_eye_can_read_is_not_admitted(text: object) -> None:
    assert admit(text) is None


@pytest.mark.parametrize("text", ODD_TEXTS, ids=range(len(ODD_TEXTS)))
def test_admitted_text_is_short_and_can_be_written_as_utf8(text: str) -> None:
    plain = admit(text)
    assert plain is not None
    assert type(plain) is str
    assert len(plain) <= ADMIT_CHARACTERS
    plain.encode()


def test_what_is_cut_off_does_not_count_as_visible() -> None:
    assert admit(" " * ADMIT_CHARACTERS + "cat") is None
