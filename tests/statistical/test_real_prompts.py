"""A short form of docs/benchmarks.md: real prompts, a known change, one incident that names it."""

import pytest

from app.adapters.encoders import LiveEncoder, load_encoder
from benchmarks import quiet, streams, worlds
from benchmarks.replays import measure
from benchmarks.streams import Stream, compose, rows

pytestmark = [
    pytest.mark.statistical,
    pytest.mark.model,
    pytest.mark.shared_data,
    pytest.mark.skipif(not streams.available(), reason="../shared/data is not here"),
]
QUIET = ("intents_banking77", "intents_snips")


@pytest.fixture(scope="module")
def encoder() -> LiveEncoder:
    return load_encoder(table=None, model=None, cache_dir=None)


def short_code_wave() -> Stream:
    known = [r["text"] for r in rows("intents_hwu64.jsonl.gz")]
    fresh = sorted({r["text"] for r in rows("code_codealpaca.jsonl.gz")})
    return compose("short-code", known, fresh, seed=1, sizes=(600, 2000, 700, 1000), share=0.05)


def test_a_change_in_real_prompts_is_found_once_and_named(encoder: LiveEncoder) -> None:
    found = measure(short_code_wave(), 1, encoder)

    assert found.false_incidents == 0
    assert found.incidents == 1
    assert found.purity is not None
    assert found.purity >= 2 / 3, found.named


def test_unchanged_real_prompts_raise_nothing(encoder: LiveEncoder) -> None:
    known = [r["text"] for r in rows("intents_hwu64.jsonl.gz")]
    calm = compose("short-calm", known, [], seed=1, sizes=(600, 2500, 0, 1000), share=0.0)

    found = measure(calm, 1, encoder)

    assert found.incidents + found.false_incidents == 0
    assert found.highest_clean < found.threshold


def test_sessions_retries_and_weeks_of_real_prompts_raise_nothing(encoder: LiveEncoder) -> None:
    """The short form of `python -m benchmarks quiet`: at a run length of a million, 1 in 300 such streams."""
    world = worlds.assemble(
        {name: sorted({r["text"] for r in rows(f"{name}.jsonl.gz")})[:1500] for name in QUIET},
        dict.fromkeys(QUIET, 1 / len(QUIET)),
        {},
    )
    near = quiet.subjects(world, encoder)
    size = quiet.Size(weeks=5, per_week=1000)

    found = quiet.measure(quiet.stream(world, near, seed=1, size=size), seed=1, encoder=encoder)

    assert found.units > 2500
    assert found.cycles_found
    assert found.incidents == 0
    assert found.highest < found.threshold
