from app.core.exposure import Release, divide
from app.core.panel import History, Prompt

DAY = 86_400.0
AT = 100 * DAY
RELEASE = Release(id="v2", time=AT)


def user(*prompts: tuple[float, str | None]) -> History:
    """Prompts as (days since the deployment, version that served)."""
    rows = [
        Prompt(AT + day * DAY, i, b"", b"", version, None, None, False)
        for i, (day, version) in enumerate(prompts)
    ]
    return History(rows, seen=len(rows))


def test_every_user_has_one_place() -> None:
    exposed = user((-1, "v1"), (1, "v2"))
    control = user((-1, "v1"), (1, "v1"))
    newcomer = user((1, "v2"))
    departed = user((-1, "v1"))
    mixed = user((-1, "v1"), (1, "v2"), (1.5, "v1"), (1.7, "v2"), (1.8, "v1"))
    found = divide([exposed, control, newcomer, departed, mixed], RELEASE, now=AT + 2 * DAY)

    assert [m.history for m in found.exposed] == [exposed]
    assert [m.history for m in found.control] == [control]
    assert [m.history for m in found.newcomers] == [newcomer]
    assert [m.history for m in found.departed] == [departed]
    assert found.mixed == 1
    assert found.labelled


def test_where_traffic_names_no_version_everybody_is_exposed() -> None:
    found = divide([user((-1, None), (1, None)), user((-2, None), (2, None))], RELEASE, now=AT + 3 * DAY)

    assert len(found.exposed) == 2
    assert found.control == []
    assert not found.labelled


def test_a_staggered_roll_out_divides_each_user_between_his_old_and_his_new_answers() -> None:
    late = user((-1, "v1"), (2, "v1"), (4, "v2"))
    spared = user((-1, "v1"), (2, "v1"), (4, "v1"))
    found = divide([late, spared], RELEASE, now=AT + 5 * DAY)

    assert found.exposed[0].at == AT + 3 * DAY
    assert found.control[0].at == AT + 3 * DAY
    assert found.control[0].split(found.start, found.end) == ([0, 1], [2])


def test_a_variant_is_an_exposure_too() -> None:
    treated = History(
        [
            Prompt(AT - DAY, 0, b"", b"", "v1", "a", None, False),
            Prompt(AT + 1, 1, b"", b"", "v1", "b", None, False),
        ]
    )
    found = divide([treated], Release(id="flag", time=AT, variant="b"), now=AT + DAY)

    assert len(found.exposed) == 1


def canary(*prompts: tuple[float, str]) -> History:
    return History(
        [
            Prompt(AT + day * DAY, i, b"", b"", id, "canary", None, False)
            for i, (day, id) in enumerate(prompts)
        ]
    )


def test_a_variant_of_the_same_name_in_another_deployment_is_no_exposure() -> None:
    moved, stayed = canary((-1, "v1"), (1, "v2")), canary((-1, "v1"), (1, "v1"), (3, "v2"))
    release = Release(id="v2", time=AT, variant="canary")
    found = divide([stayed, moved], release, now=AT + 2 * DAY)

    assert [m.history for m in found.exposed] == [moved]
    assert [m.history.prompts for m in found.control] == [stayed.prompts[:2]]
    assert divide([moved, stayed], release, now=AT + 2 * DAY) == found


def test_what_lies_after_the_look_is_not_looked_at() -> None:
    found = divide([user((-1, "v1"), (1, "v2"), (9, "v2"))], RELEASE, now=AT + 2 * DAY)

    assert found.exposed[0].split(found.start, found.end) == ([0], [1])


def test_a_user_met_after_the_look_is_not_exposed_yet() -> None:
    found = divide([user((-1, "v1"), (5, "v2")), user((-1, "v1"), (1, "v2"))], RELEASE, now=AT + 2 * DAY)

    assert len(found.exposed) == 1


def test_a_history_that_may_be_cut_short_is_left_out() -> None:
    whole, cut = user((-1, "v1"), (1, "v2")), user((-1, "v1"), (1, "v2"))
    whole.since, cut.since = AT - 30 * DAY, AT - 2 * DAY

    assert [m.history for m in divide([whole, cut], RELEASE, now=AT + 2 * DAY).exposed] == [whole]
