"""What was said to one prompt: rides on a sample, for whoever scores answers."""

from msgspec import Struct


class Exchange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Prompt and response, redacted, longer than the sample's own text.  Only on `samples.v1`, not in ticks.

    `response` is None where there was none, or an error instead.
    """

    inclusion: float  # probability with which this exchange is carried; smaller than the sample's
    prompt: str
    response: str | None = None
    prompt_cut: bool = False
    response_cut: bool = False
    leaks: bool | None = None  # whether redaction found in the response what the prompt did not hold
    conversation: str | None = None  # hash of its id
    turns: int | None = None  # messages that the model was given, system prompts aside; None: not told
    finish_reason: str | None = None
    error_type: str | None = None
    item_id: str | None = None  # of the eval set, where the interaction's attribute `item_id` names one
