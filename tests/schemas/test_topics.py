"""The catalogue, and the schemas that are published of it."""

import json
import re

import pytest
from jsonschema import Draft202012Validator

from app.demo.traffic import eval_items, scenario, to_jsonl
from schemas import published
from schemas.codec import KINDS, encode
from schemas.topics import CATALOGUE, INTERACTIONS, OUTCOMES, STATE, TICKS
from tests.rig.made import START


def test_names_are_legal_dotted_and_versioned() -> None:
    names = [topic.name for topic in CATALOGUE]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"[a-z][a-z-]*(\.[a-z]+)*\.v\d+", name), name
        assert "_" not in name  # a dot and an underscore are one in Kafka's metric names


def test_policies_are_ones_that_kafka_knows() -> None:
    for topic in CATALOGUE:
        assert set(topic.cleanup.split(",")) <= {"compact", "delete"}
        assert (topic.retention_ms is None) == (topic.cleanup == "compact")
        assert (topic.segment_bytes is None) == (topic.cleanup == "delete")
        assert topic.partitions > 0
        assert topic.key
        assert topic.carries


def test_state_has_the_partitions_of_its_input() -> None:
    assert STATE.partitions == INTERACTIONS.partitions
    assert OUTCOMES.partitions == TICKS.partitions  # they are joined


@pytest.mark.parametrize("name", published.SHAPES)
def test_every_shape_has_a_schema_that_says_who_it_is(name: str) -> None:
    schema = published.json_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:promptdrift:{name}"
    json.dumps(schema)


def test_every_topic_with_a_shape_is_published() -> None:
    assert {t.name for t in CATALOGUE if t.schema is not None} < set(published.SHAPES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_found_by_the_name_that_refusals_use(kind: str) -> None:
    found = published.find(kind)
    assert found is not None
    assert published.SHAPES[found] is KINDS[kind]


def test_what_the_demo_says_is_valid() -> None:
    day = scenario(seed=0, start=START, clean=60, drifted=20)
    validators = {name: Draft202012Validator(published.json_schema(name)) for name in published.SHAPES}
    for line in to_jsonl(day.events):
        found = json.loads(line)
        name = published.find(found.get("type", "interaction"))
        assert name is not None
        validators[name].validate(found)
    for item in eval_items(seed=0, count=20):
        validators["evalset-item.v1"].validate(json.loads(encode(item)))
