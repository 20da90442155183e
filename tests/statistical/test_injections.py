"""A short form of docs/benchmarks.md, Injections: what came in is the first cluster of the first page."""

import pytest

from app.adapters.encoders import load_encoder
from benchmarks import injections, streams

pytestmark = [
    pytest.mark.statistical,
    pytest.mark.model,
    pytest.mark.shared_data,
    pytest.mark.skipif(not streams.available(), reason="../shared/data is not here"),
]


def test_a_topic_injected_at_a_tenth_is_ranked_first_and_its_parts_make_the_whole() -> None:
    world = injections.worlds(held=12, seed=7)[1]
    bench = injections.Bench(load_encoder(), seed=7)
    baseline = bench.learn(world)
    for topic in (next(iter(world.topics)), "code_codealpaca"):
        found = bench.inject(world, topic, baseline)
        assert (found.topic, found.rank) == (topic, 1)
        assert found.shares == () or sum(found.shares) == pytest.approx(1.0, abs=0.01)
