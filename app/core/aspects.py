"""What is watched of an application: the prompts of its users, and the responses to them."""

from typing import NamedTuple

from schemas.events import Interaction
from schemas.readings import Reading
from schemas.ticks import Aspect

PROMPTS: Aspect = "prompts"
RESPONSES: Aspect = "responses"
MONITORS: dict[Aspect, str] = {PROMPTS: "change", RESPONSES: "responses"}


class Subject(NamedTuple):
    """One aspect of one application: what one drift monitor watches."""

    application: str
    aspect: Aspect = PROMPTS

    @property
    def monitor(self) -> str:
        """The name under which its readings go."""
        return MONITORS[self.aspect]


def is_answered(interaction: Interaction) -> bool:
    """Whether it carries a response; what came back with an error is none.  An empty one is."""
    return interaction.response is not None and interaction.error_type is None


def text_of(interaction: Interaction, aspect: Aspect) -> str:
    """What the eyes read."""
    return interaction.prompt if aspect == PROMPTS else interaction.response or ""


def changed(reading: Reading) -> str:
    """What changed, and what the other monitor of the application says by then.

    Prompts that stay as they are turn a change of responses into news; the other way round, responses are
    seldom heard of as early.

    >>> from datetime import UTC, datetime
    >>> now = datetime(2026, 3, 1, tzinfo=UTC)
    >>> alarm = Reading(id="1", application="a", monitor="responses", state="alarm", time=now,
    ...                 beside={"change": "ok"})
    >>> changed(alarm)
    'live responses changed, prompts did not'
    """
    mine: Aspect = RESPONSES if reading.monitor == MONITORS[RESPONSES] else PROMPTS
    other: Aspect = PROMPTS if mine == RESPONSES else RESPONSES
    told = {"pending": f", {other} perhaps too", "alarm": f", {other} too"}
    if mine == RESPONSES:
        told["ok"] = f", {other} did not"
    return f"live {mine} changed{told.get(reading.beside.get(MONITORS[other], ''), '')}"
