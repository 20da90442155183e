"""What every status store remembers beside readings and alerts."""

from datetime import datetime

from msgspec.structs import replace

from app.ports import StatusStore
from tests.contracts.status_values import delivery, deployment, look, reading, summary, versions
from tests.contracts.stores import SMALL, Make, run


def test_deployments_are_kept_once_and_the_oldest_go_first(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        for each in (deployment(2), deployment(1), deployment(2), deployment(2, status="rolled_back")):
            await store.put_fact(each)
        found = await store.deployments("support-bot", 10)
        assert found == [deployment(2), deployment(2, status="rolled_back"), deployment(1)]
        assert await store.put_fact(deployment(1)) is False
        assert await store.put_fact(deployment(3)) is True
        assert deployment(1) not in await store.deployments("support-bot", 10)
        assert await store.deployments("support-bot", 1) == [deployment(3)]
        assert await store.deployments("search", 10) == []
        assert (await store.released(), await store.applications()) == (["support-bot"], [])
        assert [e.kind for e in await store.events("0-0", 10)] == ["deployment"] * 4

    run(make, story, SMALL)


def test_a_deployment_that_was_taken_back_and_comes_again_is_kept_beside_the_first(make: Make) -> None:
    first, back = deployment(1), replace(deployment(3, status="rolled_back"), deployment_id="d-1")
    again, twin = (replace(deployment(n), deployment_id="d-1") for n in (5, 6))

    async def story(store: StatusStore) -> None:
        assert [await store.put_fact(each) for each in (first, back, again, again, twin, first)] == [
            *[True] * 3,
            *[False] * 3,
        ]
        assert await store.deployments("support-bot", 10) == [again, back, first]

    run(make, story)


def test_the_latest_look_at_each_deployment_is_kept(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        for minute, name in ((4, "v2"), (2, "v1"), (3, "v2"), (1, "v0")):
            await store.put_reading(look(minute, name))
        assert await store.looks("support-bot") == [look(4, "v2"), look(2, "v1"), look(1, "v0")]
        await store.put_reading(look(9, "v3"))
        assert await store.looks("support-bot") == [look(9, "v3"), look(4, "v2"), look(2, "v1")]
        assert await store.looks("search") == []

    run(make, story, SMALL)


def test_versions_of_an_eval_set_are_those_of_the_newest_entry(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        assert await store.evalsets() == []
        told = (versions(2), versions(1), versions(2), versions(7, application="desk"), versions(3))
        assert [await store.put_evalset(each) for each in told] == [True, False, False, True, True]
        assert await store.evalsets() == [versions(7, application="desk"), versions(3)]
        assert [(e.kind, e.data["number"]) for e in await store.events("0-0", 9)] == [
            ("evalset", 2),
            ("evalset", 7),
            ("evalset", 3),
        ]
        large = replace(
            versions(8), store="s" * 100_000
        )  # an answer without end, to a client that looks for one
        assert [await store.put_evalset(replace(large, number=n)) for n in (8, 8, 9)] == [True, False, True]

    run(make, story)


def test_deliveries_are_kept_apart_from_deployments(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        facts = (delivery(2), deployment(1), delivery(1), delivery(2, outcome="retry"))
        assert [await store.put_fact(fact) for fact in facts] == [True, True, True, False]
        assert await store.deliveries("support-bot", 10) == [delivery(2), delivery(1)]
        assert await store.deployments("support-bot", 10) == [deployment(1)]
        assert [e.kind for e in await store.events("0-0", 9)] == ["delivery", "deployment", "delivery"]

    run(make, story)


def test_the_latest_reference_of_each_kind_is_kept(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        everyone = summary("e-1", application="*", kind="evalset")
        for each in (summary("b-1"), everyone, summary("b-2")):
            await store.put_reference(each)
        assert await store.references() == [summary("b-2"), everyone]

    run(make, story)


def test_a_store_has_one_generation(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        first = await store.generation()
        await store.put_reading(reading(1))
        assert (await store.generation(), bool(first)) == (first, True)

    run(make, story)


def test_a_heartbeat_carries_facts(make: Make) -> None:
    async def story(store: StatusStore) -> None:
        await store.heartbeat("b", {"role": "measure", "lag": 3})
        await store.heartbeat("a", {"role": "detect"})
        await store.heartbeat("b", {"role": "measure", "lag": 0})
        first, second = await store.workers()
        assert (first["worker"], second["worker"], second["lag"]) == ("a", "b", 0)
        assert datetime.fromisoformat(second["updated_at"]).tzinfo is not None

    run(make, story)
