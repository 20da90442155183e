"""Facts that arrive: interactions, deployments, outcomes, evaluations.

Every struct is the JSON value of one Kafka record (or one element of an array of up to
`codec.ARRAY_LIMIT`).  Times are RFC 3339 with an offset; `schemas.codec` turns what users send into
these and says which field is wrong when it cannot.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

Source = Literal["production", "evaluation", "synthetic"]
Dimension = Literal["accuracy", "quality", "behaviour"]
# in Python `$` alone also fits before a last line break; `\Z` is not of ECMA-262, as JSON Schema is
ApplicationName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$(?!\n)")]
Name = Annotated[str, Meta(max_length=256)]
Count = Annotated[int, Meta(ge=0)]
Milliseconds = Annotated[float, Meta(ge=0)]
Probability = Annotated[float, Meta(gt=0, le=1)]


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One turn of a conversation, flattened to text."""

    role: str
    content: str


class PromptTemplate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The template a prompt was rendered from."""

    name: str
    version: str | None = None


class Usage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens counted by the provider."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None


class Interaction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One prompt as it reached the model, and its response.  Topic `interactions.v1`.

    `application`, `time` and `prompt` (or `messages`) are enough.  Only `source` = production counts.
    """

    application: ApplicationName
    time: datetime
    prompt: str
    id: Annotated[str, Meta(max_length=128)] = ""
    environment: Name = "production"
    source: Source = "production"
    messages: list[Message] | None = None
    system_prompt_sha256: Name | None = None
    response: str | None = None
    model: Name | None = None
    provider: Name | None = None
    operation: Name | None = None
    deployment_id: Name | None = None
    variant: Name | None = None
    prompt_template: PromptTemplate | None = None
    conversation_id: Name | None = None
    user_hash: Name | None = None
    trace_id: Name | None = None
    span_id: Name | None = None
    usage: Usage | None = None
    latency_ms: Milliseconds | None = None
    ttft_ms: Milliseconds | None = None
    finish_reason: Name | None = None
    error_type: Name | None = None
    language: Name | None = None
    channel: Name | None = None
    tags: list[Name] | None = None
    attributes: dict[str, str | int | float | bool | None] | None = None

    @property
    def key(self) -> str:
        """Kafka key: the narrowest identity whose prompts depend on each other."""
        return self.user_hash or self.conversation_id or self.id


class Deployment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change that we made: code, prompt, model, retrieval index, flag.  Topic `deployments.v1`."""

    application: ApplicationName
    time: datetime
    deployment_id: Name
    version: Name
    status: Literal["started", "succeeded", "failed", "rolled_back"] = "succeeded"
    kind: Literal["code", "prompt", "model", "rag", "flag", "config"] = "model"
    environment: Name = "production"
    previous_version: Name | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    variant: Name | None = None
    traffic_percent: Annotated[float, Meta(ge=0, le=100)] | None = None
    commit: Name | None = None
    artifact: Name | None = None
    url: Annotated[str, Meta(max_length=2048)] | None = None
    actor: Name | None = None
    summary: Annotated[str, Meta(max_length=4096)] | None = None
    source: Name | None = None


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened after an interaction: completion, error, correction, escalation, feedback.

    Topic `outcomes.v1`.  Give `value` or `label`, and one of the join keys.
    """

    application: ApplicationName
    time: datetime
    name: Name
    id: Name = ""
    value: float | bool | None = None
    label: Name | None = None
    data_type: Literal["numeric", "boolean", "categorical"] | None = None
    higher_is_better: bool | None = None
    interaction_id: Name | None = None
    conversation_id: Name | None = None
    trace_id: Name | None = None
    deployment_id: Name | None = None
    delay_ms: Milliseconds | None = None
    source: Literal["user", "system", "human_review", "llm_judge"] | None = None


class Evaluation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One score: of an item of an eval-set run, of a live answer, or by a person.  Topic `evaluations.v1`.

    `purpose` says what was scored: an item of a `run` of the eval set, a live answer in the `shadow`, a
    frozen `probe`, a `gold` item that watches a judge; None: a label, or a result from elsewhere.  Live rows
    say with which chance they were kept (`inclusion`) and then chosen (`selection`); without a score they
    were kept and not chosen, or the scorer failed, which `label` says.  A `gold` row holds what the judge
    said (`score`) and what people had (`gold`); a `probe` row named `same_answer` how like the frozen answer.
    """

    application: ApplicationName
    time: datetime
    name: Name  # of the metric: accuracy, answers_benign, judge rubric ...
    id: Name = ""
    score: float | None = None
    label: Name | None = None
    item_id: Name | None = None
    interaction_id: Name | None = None
    evalset_version: Name | None = None
    deployment_id: Name | None = None
    model: Name | None = None  # that answered
    variant: Name | None = None
    candidate: Name | None = None  # whose answer was scored instead of production's
    explanation: str | None = None
    source: Literal["evaluation", "human_review", "llm_judge"] | None = None
    purpose: Literal["run", "shadow", "probe", "gold"] | None = None
    run_id: Name | None = None  # what belongs to one run of a set, or of probes
    dimension: Dimension | None = None
    scorer: Name | None = None  # fingerprint: scores compare only under one
    stratum: Name | None = None  # cluster of the eval set
    reason: Name | None = None  # why it was chosen: high-stakes, drifted, novel, uncovered, ordinary
    inclusion: Probability | None = None
    selection: Probability | None = None
    cost: Annotated[float, Meta(ge=0)] | None = None  # money, of the calls behind it
    gold: float | None = None  # score that people gave a gold item, in [0, 1]
