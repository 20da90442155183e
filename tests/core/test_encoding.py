from tests.rig.made import WordEncoder

TEXTS = ["parcel today", "", "login page"]


def test_a_selection_keeps_rows_together() -> None:
    encoded = WordEncoder().encode(TEXTS)
    part = encoded.select(slice(1, 3))
    alone = WordEncoder().encode(TEXTS[1:])
    assert part.wording.tolist() == alone.wording.tolist()
    assert part.shape.tolist() == alone.shape.tolist()
    assert part.readable.tolist() == [False, True]
    assert part.unknown.tolist() == [0.0, 0.0]


def test_a_text_does_not_depend_on_its_neighbours() -> None:
    together, alone = WordEncoder().encode(TEXTS), WordEncoder().encode(TEXTS[:1])
    assert together.wording[0].tolist() == alone.wording[0].tolist()
