"""What is sent is what arrives, whatever it holds; and nothing that arrives raises."""

import json
import string
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Event, Rejection, decode, encode
from schemas.events import Deployment, Evaluation, Interaction, Message, Outcome, PromptTemplate, Usage

GOOD: dict[str, Any] = {"application": "shop", "time": "2026-01-31T12:00:00Z", "prompt": "where is it?"}

names = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=20)
applications = names.map(lambda name: f"a{name}")
texts = st.text(max_size=60)
times = st.integers(946_684_800, 4_102_444_799).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
maybe = st.none() | names
numbers = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**40)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | texts
    | st.floats(allow_nan=False, allow_infinity=False)
)
interactions = st.builds(
    Interaction,
    application=applications,
    time=times,
    prompt=texts,
    id=names,
    source=st.sampled_from(["production", "evaluation", "synthetic"]),
    messages=st.none() | st.lists(st.builds(Message, role=names, content=texts), max_size=3),
    response=st.none() | texts,
    deployment_id=maybe,
    variant=maybe,
    prompt_template=st.none() | st.builds(PromptTemplate, name=names, version=maybe),
    conversation_id=maybe,
    user_hash=maybe,
    usage=st.none() | st.builds(Usage, input_tokens=st.none() | counts, output_tokens=st.none() | counts),
    latency_ms=st.none() | numbers,
    tags=st.none() | st.lists(names, max_size=3),
    attributes=st.none() | st.dictionaries(texts, scalars, max_size=3),
)
deployments = st.builds(
    Deployment,
    application=applications,
    time=times,
    deployment_id=names,
    version=names,
    status=st.sampled_from(["started", "succeeded", "failed", "rolled_back"]),
    started_at=st.none() | times,
    traffic_percent=st.none() | st.floats(0, 100),
)
outcomes = st.builds(
    Outcome,
    application=applications,
    time=times,
    name=names,
    id=names,
    value=st.none() | numbers | st.booleans(),
    label=maybe,
    interaction_id=maybe,
)
evaluations = st.builds(
    Evaluation, application=applications, time=times, name=names, id=names, score=st.none() | numbers
)


@given(interactions)
def test_an_interaction_survives_the_wire(event: Interaction) -> None:
    assert decode(encode(event)) == [event]


@given(
    st.one_of(
        st.tuples(st.just("deployment"), deployments),
        st.tuples(st.just("outcome"), outcomes),
        st.tuples(st.just("evaluation"), evaluations),
    )
)
def test_every_other_event_survives_the_wire(sent: tuple[str, Event]) -> None:
    kind, event = sent
    assert decode(encode(event), kind=kind) == [event]


@given(st.lists(interactions, max_size=5))
def test_an_array_keeps_its_order(events: list[Interaction]) -> None:
    assert decode(b"[" + b",".join(map(encode, events)) + b"]") == events


@given(st.binary(max_size=200))
def test_no_bytes_raise(value: bytes) -> None:
    assert all(isinstance(found, Event | Rejection) for found in decode(value))


json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from([*Interaction.__struct_fields__, "type", "user_id", "data"]), json_values)
)
def test_no_json_raises_and_every_refusal_says_what_to_do(found: dict[str, Any]) -> None:
    for got in decode(json.dumps({**GOOD, **found}).encode()):
        if isinstance(got, Rejection):
            assert got.error.field
            assert got.error.problem
            assert got.error.remedy
