"""What a prompt was answered, as it may be kept: redacted, cut."""

from app.adapters.redaction import redact
from app.adapters.scorers import found_in
from app.core.aspects import is_answered
from app.core.sampling import Carrying
from app.core.units import hash64
from app.evaluation_settings import EvaluationSettings
from schemas.events import Interaction
from schemas.exchanges import Exchange

CUT = "…"
LONGEST_ID = 128


def carrying_of(settings: EvaluationSettings) -> Carrying | None:
    """How samples carry exchanges; None where they shall not."""
    limit = settings.text_characters
    if not limit:
        return None
    return Carrying(
        settings.samples_per_second,
        lambda interaction, inclusion: exchange_of(interaction, inclusion, limit=limit),
    )


def exchange_of(interaction: Interaction, inclusion: float, *, limit: int) -> Exchange:
    """Prompt and response of at most `limit` characters each.  Cost: about 1 ms a thousand characters.

    >>> from datetime import UTC, datetime
    >>> asked = Interaction(application="a", time=datetime.now(UTC), prompt="Who sells it?",
    ...                     response="Mail ann@example.org")
    >>> found = exchange_of(asked, 1.0, limit=100)
    >>> found.response, found.leaks
    ('Mail <email>', True)
    """
    said = interaction.response if is_answered(interaction) else None
    prompt = shown(interaction.prompt, limit)
    response = None if said is None else shown(said, limit)
    named = (interaction.attributes or {}).get("item_id")
    conversation = interaction.conversation_id
    return Exchange(
        inclusion=inclusion,
        prompt=prompt,
        response=response,
        prompt_cut=is_cut(interaction.prompt, prompt),
        response_cut=said is not None and response is not None and is_cut(said, response),
        leaks=None
        if said is None or response is None
        else _leaks(interaction.prompt, prompt, said, response),
        conversation=None if conversation is None else f"{hash64('conversation|' + conversation):016x}",
        turns=_turns(interaction),
        finish_reason=interaction.finish_reason,
        error_type=interaction.error_type,
        item_id=named[:LONGEST_ID] if isinstance(named, str) and named else None,
    )


def shown(text: str, limit: int) -> str:
    """A text redacted and cut; nothing where it cannot be redacted: no text is kept as it came."""
    try:
        return redact(text, limit=limit)
    except Exception:  # whatever a pattern makes of a hostile text
        return ""


def is_cut(text: str, redacted: str) -> bool:
    """Whether the redacted text lacks the end."""
    return redacted.endswith(CUT) and not text.rstrip().endswith(CUT)


def _leaks(prompt: str, shown_prompt: str, said: str, shown: str) -> bool:
    return bool(found_in(said, shown) - found_in(prompt, shown_prompt))


def _turns(interaction: Interaction) -> int | None:
    if interaction.messages is None:
        return None
    return sum(message.role != "system" for message in interaction.messages)
