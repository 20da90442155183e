import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from random import Random
from time import process_time

import msgspec
import pytest

from app.demo import judge
from app.demo.drifts import DRIFTS
from app.demo.grammar import Topic, Turn
from app.demo.phrases import EVALUATED, NOT_EVALUATED, TOPICS
from app.demo.style import misspell
from app.demo.traffic import Event, Scenario, eval_items, scenario, to_jsonl
from app.demo.words import PERSONAL_EMAIL, PERSONAL_PHONE
from schemas import codec
from schemas.events import Deployment, Interaction, Outcome

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
PHONE = re.compile(r"\+?(?:\d[ ().-]{0,2}){7,}")
ASKED = [name for name, found in DRIFTS.items() if found.spoil is None]  # the others are about answers
EVERY_TOPIC = (*TOPICS, *{topic.name: topic for drift in DRIFTS.values() for topic in drift.topics}.values())


@cache
def played(drift: str, seed: int = 7) -> Scenario:
    return scenario(seed=seed, start=START, drift=drift)


@cache
def ordinary() -> tuple[Interaction, ...]:
    return tuple(interactions(scenario(seed=1, start=START, clean=10_000, drifted=0).events))


def interactions(events: list[Event]) -> list[Interaction]:
    return [event for event in events if isinstance(event, Interaction)]


def topic_of(event: Interaction) -> str:
    return str((event.attributes or {})["demo_topic"])


def share_of(drift: str, events: list[Interaction]) -> float:
    names = {topic.name for topic in DRIFTS[drift].topics}
    return sum(topic_of(event) in names for event in events) / len(events)


def words_of(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def test_the_same_arguments_give_the_same_events() -> None:
    assert scenario(seed=7, start=START) == played("adaptation")
    assert eval_items(seed=3) == eval_items(seed=3)


def test_another_seed_writes_other_texts_by_other_people() -> None:
    one, other = interactions(played("none").events), interactions(played("none", seed=8).events)
    assert not {event.user_hash for event in one} & {event.user_hash for event in other}
    assert sum(a.prompt == b.prompt for a, b in zip(one, other, strict=True)) < 0.02 * len(one)


@pytest.mark.parametrize("drift", [name for name, found in DRIFTS.items() if found.released == 1.0])
def test_all_drifts_share_the_traffic_before(drift: str) -> None:
    mine, none = played(drift), played("none")
    assert mine.drift_index == none.drift_index
    assert mine.events[: mine.drift_index] == none.events[: none.drift_index]


def test_ten_thousand_prompts_are_varied() -> None:
    prompts = [event.prompt for event in ordinary()]
    lengths = sorted(len(prompt.split()) for prompt in prompts)
    assert len(set(prompts)) >= 6000
    assert lengths[0] >= 3
    assert lengths[len(lengths) // 10] <= 6
    assert lengths[-len(lengths) // 20] >= 24
    assert lengths[-1] >= 35


def test_each_topic_is_large_enough_and_its_texts_differ() -> None:
    by_topic: defaultdict[str, list[str]] = defaultdict(list)
    for event in ordinary():
        by_topic[topic_of(event)].append(event.prompt)
    assert set(by_topic) == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        texts = by_topic[topic.name]
        assert len(texts) / 10_000 == pytest.approx(topic.share / 1.27, rel=0.4), topic.name
        assert len(set(texts)) >= 0.6 * len(texts), topic.name
        some = [words_of(text) for text in Random(0).sample(texts, 100)]
        alike = [len(a & b) / len(a | b) for k, a in enumerate(some) for b in some[:k]]
        assert sum(alike) / len(alike) < 0.15, topic.name


def test_the_eval_set_knows_all_topics_but_two() -> None:
    items = eval_items(seed=1)
    assert len(items) == 800
    assert len({item.prompt for item in items}) == len({item.id for item in items}) == 800
    sizes = Counter(item.category for item in items)
    assert set(sizes) == {topic.name for topic in EVALUATED}
    assert len(TOPICS) - len(sizes) == len(NOT_EVALUATED) == 2
    assert min(sizes.values()) >= 15
    assert 50 <= sum(item.expected is not None for item in items) <= 400
    assert 50 <= sum(item.stakes == "high" for item in items) <= 400
    assert all(item.score is not None and 0 <= item.score <= 1 for item in items)
    assert not any(EMAIL.search(item.prompt) or PHONE.search(item.prompt) for item in items)
    missing = sum(topic_of(event) in NOT_EVALUATED for event in ordinary()) / 10_000
    assert 0.02 < missing < 0.10


@pytest.mark.parametrize("drift", DRIFTS)
def test_times_increase_and_the_drift_index_cuts_them(drift: str) -> None:
    story = played(drift)
    assert all(a.time <= b.time for a, b in pairwise(story.events))
    assert all(a.time < b.time for a, b in pairwise(interactions(story.events)))
    assert story.events[story.drift_index - 1].time < story.drift_at <= story.events[story.drift_index].time
    before = interactions(story.events[: story.drift_index])
    assert (len(before), len(interactions(story.events))) == (4000, 6500)


@pytest.mark.parametrize("drift", ASKED)
def test_moved_words_come_with_the_drift_and_not_before(drift: str) -> None:
    story = played(drift)
    before = Counter(w for e in interactions(story.events[: story.drift_index]) for w in words_of(e.prompt))
    after = Counter(w for e in interactions(story.events[story.drift_index :]) for w in words_of(e.prompt))
    assert {word: before[word] for word in story.moved} == dict.fromkeys(story.moved, 0)
    assert all(after[word] >= 3 for word in story.moved)
    assert len(story.moved) >= 3 or drift == "none"


def test_ordinary_traffic_has_no_moved_word_at_all() -> None:
    seen = set().union(*(words_of(event.prompt) for event in ordinary()))
    assert not seen & {word for drift in ASKED for word in DRIFTS[drift].moved}


@pytest.mark.parametrize(
    ("drift", "low", "high"),
    [
        ("none", 0.0, 0.0),
        ("adaptation", 0.28, 0.42),
        ("topic", 0.09, 0.15),
        ("language", 0.12, 0.18),
        ("code", 0.055, 0.105),
        ("attack", 0.03, 0.07),
        ("outside", 0.14, 0.22),
    ],
)
def test_the_share_that_moved(drift: str, low: float, high: float) -> None:
    for seed in (7, 8):
        story = played(drift, seed)
        assert low <= share_of(drift, interactions(story.events[story.drift_index :])[1000:]) <= high


def test_only_exposed_users_adapt_and_they_learn_gradually() -> None:
    after = interactions(played("adaptation").events[played("adaptation").drift_index :])
    exposed = [event for event in after if event.deployment_id == "v2"]
    assert 0.5 < len(exposed) / len(after) < 0.7
    assert share_of("adaptation", [event for event in after if event.deployment_id == "v1"]) == 0.0
    early, late = share_of("adaptation", after[:150]), share_of("adaptation", after[-1000:])
    assert early < 0.12 < late
    first: dict[str, Interaction] = {}
    for event in exposed:
        first.setdefault(event.user_hash or "", event)
    assert share_of("adaptation", list(first.values())) < share_of("adaptation", exposed)


def test_a_world_event_moves_both_arms_and_is_no_deployment() -> None:
    story = played("outside")
    assert story.drift_at - story.deployment_at == timedelta(seconds=0.3 * 4000 * 2.0)
    after = interactions(story.events[story.drift_index :])
    arms = [share_of("outside", [e for e in after if e.variant == arm]) for arm in ("control", "treatment")]
    assert arms[0] == pytest.approx(arms[1], abs=0.06)


def test_one_deployment_and_versions_that_follow_it() -> None:
    story = played("adaptation")
    found = [event for event in story.events if isinstance(event, Deployment)]
    assert [(d.deployment_id, d.version, d.time) for d in found] == [
        ("v2", "assistant-v2", story.deployment_at)
    ]
    for event in interactions(story.events):
        treated = event.variant == "treatment" and event.time >= story.deployment_at
        assert (event.deployment_id, event.model) == (
            ("v2", "assistant-v2") if treated else ("v1", "assistant-v1")
        )


def test_users_and_conversations() -> None:
    events = interactions(played("none").events)
    per_user = Counter(event.user_hash for event in events)
    assert 700 <= len(per_user) <= 900
    assert 0.01 < per_user.most_common(1)[0][1] / len(events) < 0.04
    talks: defaultdict[str | None, list[Interaction]] = defaultdict(list)
    for event in events:
        talks[event.conversation_id].append(event)
    assert {len(talk) for talk in talks.values()} == {1, 2, 3, 4}
    assert all(len({event.user_hash for event in talk}) == 1 for talk in talks.values())
    retries = sum(a.prompt == b.prompt for talk in talks.values() for a, b in pairwise(talk))
    assert 0.01 < retries / len(events) < 0.05
    assert len({event.id for event in events}) == len(events)


def test_outcomes_name_interactions_and_suffer_from_what_is_new() -> None:
    events = played("adaptation").events
    known = {event.id: event for event in interactions(events)}
    outcomes = [event for event in events if isinstance(event, Outcome)]
    assert {outcome.name for outcome in outcomes} == {"task_completed", "user_correction", "escalated"}
    assert 0.25 < len(outcomes) / len(known) < 0.4
    done: defaultdict[bool, list[bool]] = defaultdict(list)
    for outcome in outcomes:
        cause = known[outcome.interaction_id or ""]
        assert cause.time < outcome.time
        if outcome.name == "task_completed":
            done[share_of("adaptation", [cause]) == 1.0].append(bool(outcome.value))
    assert sum(done[True]) / len(done[True]) < sum(done[False]) / len(done[False]) - 0.1


@pytest.mark.parametrize("drift", DRIFTS)
def test_every_line_is_read_back(drift: str) -> None:
    for event, line in zip(played(drift).events, to_jsonl(played(drift).events), strict=True):
        assert line.endswith(b"}\n")
        assert ("type" not in msgspec.json.decode(line)) == isinstance(event, Interaction)
        assert msgspec.json.decode(line, type=type(event)) == event
        assert codec.decode(line) == [event]


def test_only_two_places_look_like_personal_data() -> None:
    texts = [event.prompt for event in ordinary()] + [str(event.response) for event in ordinary()]
    for drift in DRIFTS:
        texts += [event.prompt for event in interactions(played(drift).events)]
        texts += [str(event.response) for event in interactions(played(drift).events)]
    mails = {found for text in texts for found in EMAIL.findall(text)}
    phones = {found.strip(" .") for text in texts for found in PHONE.findall(text)}
    assert (mails, phones) == ({PERSONAL_EMAIL}, {PERSONAL_PHONE})
    places = {
        topic_of(event) for event in ordinary() if EMAIL.search(event.prompt) or PHONE.search(event.prompt)
    }
    assert places == {"account_access", "delivery"}


@pytest.mark.parametrize("topic", EVERY_TOPIC, ids=lambda topic: topic.name)
def test_every_template_fills_its_slots(topic: Topic) -> None:
    for template in (*topic.asks, *topic.terse, *topic.contexts, *topic.follow_ups):
        for seed in range(20):
            turn = Turn(Random(seed), topic.slots)
            ask, _, answer = template.partition(" ==> ")
            for text in (turn.write(ask), *(turn.write(reply) for reply in (answer, *topic.replies))):
                assert not re.search(r"\{[a-z_]+\}|¶|==>| / |\S  ", text), text


def test_misspelling_leaves_short_words_and_numbers() -> None:
    assert misspell("my HD-12345 is late", Random(0)) == "my HD-12345 is late"


def test_unusable_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="drift: no 'weather'"):
        scenario(seed=1, start=START, drift="weather")
    with pytest.raises(ValueError, match="start"):
        scenario(seed=1, start=datetime(2026, 3, 2))  # noqa: DTZ001  what is tested


def test_ten_thousand_events_take_less_than_three_seconds() -> None:
    began = process_time()
    scenario(seed=2, start=START, clean=6000, drifted=4000)
    assert process_time() - began < 3.0


def test_the_stand_in_for_a_judge_sees_what_adapted_users_do_not_get() -> None:
    found = [event for event in interactions(played("adaptation").events) if event.response]
    adapted = {topic.name for topic in DRIFTS["adaptation"].topics}
    grades: dict[bool, list[int]] = {True: [], False: []}
    for event in found:
        shown = {"question": event.prompt, "answer": event.response or ""}
        grades[(event.attributes or {})["demo_topic"] in adapted].append(judge.grade(shown)["score"])
    means = {which: sum(each) / len(each) for which, each in grades.items()}
    assert means[True] < 3 < 4.8 < means[False]
