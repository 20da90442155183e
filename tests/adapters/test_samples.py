from msgspec.structs import replace

from app.adapters.samples import keep
from schemas.exchanges import Exchange
from schemas.ticks import Sample
from tests.core.test_ticks import sample

WHOLE = "how do I return a parcel that never came? " * 20


def asked(number: int, text: str, said: Exchange | None = None, **more: object) -> Sample:
    return replace(sample(number, float(number)), text=text, exchange=said, **more)


def exchange(
    prompt: str = WHOLE, response: str | None = "It is on its way.", *, cut: bool = False
) -> Exchange:
    return Exchange(inclusion=0.1, prompt=prompt, response=response, response_cut=cut)


def test_what_an_exchange_holds_more_of_is_taken_from_it() -> None:
    told = [
        asked(1, "how do I return…", exchange()),
        asked(2, "where is it?", exchange("where is it?", None)),
        asked(3, "how long…", exchange("how long", cut=True)),
        asked(4, "asked twice", exchange("asked twice", "a long answer " * 90)),
        asked(4, "a long ans…", aspect="responses"),
        asked(5, "only seen", exchange("only seen")),
        asked(6, "[text withheld]"),
    ]
    kept = keep(told, application="a", most=99, seed=0, praised={"1", "2", "3", "4"})
    texts = {s.id: s.text for s in kept.samples}
    assert texts["1"] == WHOLE
    assert (texts["2"], texts["3"]) == ("where is it?", "how long…")
    assert kept.responses == {"1": "It is on its way.", "4": "a long answer " * 90}
    assert all(s.exchange is None for s in kept.samples)
