"""The drifts that a scenario can have: what moves, how far, how fast, and for whom."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from app.demo import abroad, answers, novelties
from app.demo.grammar import Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What enters the traffic at `drift_at`.

    `share` of the conversations that open then are about `topics`, reached after `ramp` interactions;
    with `learned`, only users of the new version move, and more with every answer they have seen.
    `moved` are words that an explanation should name; ordinary traffic has none of them.  `released`
    is where in the clean part the deployment falls: 1.0 is its end, the very moment of the drift.
    `spoiled` of the answers of the new version go through `spoil`; then `moved` are words of answers.
    """

    story: str
    topics: tuple[Topic, ...] = ()
    share: float = 0.0
    ramp: int = 1
    learned: bool = False
    moved: tuple[str, ...] = ()
    released: float = 1.0
    spoil: Callable[[str, Random], str] | None = None
    spoiled: float = 0.0


DRIFTS: dict[str, Drift] = {
    "none": Drift(story="A release that changes nothing in what people ask."),
    "adaptation": Drift(
        story="After assistant-v2 its users learn to write role-play instructions and to paste code.",
        topics=(novelties.INSTRUCTED, novelties.INSTRUCTED, novelties.DEBUGGING),
        share=0.35,
        ramp=400,
        learned=True,
        moved=("act", "step", "output", "table", "python", "traceback"),
    ),
    "topic": Drift(
        story="Tax season: people who never asked about tax forms do now, whichever version they use.",
        topics=(novelties.TAXES,),
        share=0.12,
        moved=("tax", "form", "declaration", "deduct", "filing"),
    ),
    "language": Drift(
        story="A launch abroad: German, Spanish and French among the English.",
        topics=(abroad.GERMAN, abroad.SPANISH, abroad.FRENCH),
        share=0.15,
        moved=("ich", "bitte", "rechnung", "puedo", "factura", "commande"),
    ),
    "code": Drift(
        story="A developer forum discovers the assistant: snippets, queries and tracebacks.",
        topics=(novelties.DEBUGGING,),
        share=0.08,
        moved=("python", "def", "traceback", "const", "null", "function"),
    ),
    "attack": Drift(
        story="Somebody tries to talk the assistant out of its instructions.",
        topics=(novelties.ATTACK,),
        share=0.05,
        moved=("ignore", "instructions", "pretend", "prompt", "restrictions", "developer"),
    ),
    "outside": Drift(
        story="The carrier Brightwing stands still; everyone asks about it, on either version.",
        topics=(novelties.OUTAGE,),
        share=0.18,
        ramp=100,
        moved=("brightwing", "outage", "depot"),
        released=0.7,
    ),
    "refusals": Drift(
        story="A stricter filter: assistant-v2 refuses one question in three; people ask as before.",
        moved=("unable", "decline", "guidelines"),
        spoil=answers.refused,
        spoiled=0.33,
    ),
    "format": Drift(
        story="assistant-v2 wraps half of its answers in JSON, which nobody asked for.",
        moved=("status", "confidence"),
        spoil=answers.in_json,
        spoiled=0.5,
    ),
}
