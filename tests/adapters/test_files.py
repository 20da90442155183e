"""Files of events and eval sets: everything usable is used, everything else is told by its line."""

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.adapters.build import build_reference
from app.adapters.files import read_evalset, read_events
from app.errors import InputError
from schemas.codec import MAX_BYTES
from schemas.evalsets import EvalItem
from schemas.events import Deployment, Interaction, Outcome
from tests.rig.made import WordEncoder, interactions

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def event(number: int, **changes: object) -> dict[str, Any]:
    time = (NOON + timedelta(seconds=number)).isoformat()
    return {"application": "shop", "time": time, "prompt": f"question {number}", "id": str(number), **changes}


def written(path: Path, lines: Sequence[object]) -> Path:
    path.write_bytes(b"".join((x if isinstance(x, bytes) else json.dumps(x).encode()) + b"\n" for x in lines))
    return path


# --- events ------------------------------------------------------------------------------------


def test_every_type_of_event_is_read(tmp_path: Path) -> None:
    release = {"type": "deployment", "application": "shop", "time": NOON.isoformat(), "deployment_id": "v2"}
    thumbs = {"type": "outcome", "application": "shop", "time": NOON.isoformat(), "name": "thumbs"}
    path = written(tmp_path / "e.jsonl", [{**release, "version": "2"}, thumbs, b"", event(1)])
    found = read_events(path)
    assert [type(e) for e in found.events] == [Deployment, Outcome, Interaction]
    assert (found.lines, found.unreadable, found.unknown, found.out_of_order) == (3, [], {}, 0)


def test_arrays_byte_order_mark_and_gzip_are_read(tmp_path: Path) -> None:
    content = (
        b"\xef\xbb\xbf"
        + json.dumps([event(1), event(2)]).encode()
        + b"\r\n\r\n"
        + json.dumps(event(3)).encode()
    )
    path = tmp_path / "e.jsonl.gz"
    path.write_bytes(gzip.compress(content))
    found = read_events(path)
    assert [e.id for e in found.events if isinstance(e, Interaction)] == ["1", "2", "3"]
    assert found.lines == 2


def test_events_are_sorted_by_time_and_equal_times_keep_their_order(tmp_path: Path) -> None:
    lines = [event(5, id="a"), event(1, id="b"), event(5, id="c"), event(1, id="d"), event(9, id="e")]
    found = read_events(written(tmp_path / "e.jsonl", lines))
    assert [e.id for e in found.events if isinstance(e, Interaction)] == ["b", "d", "a", "c", "e"]
    assert found.out_of_order == 2


def test_bad_lines_are_told_by_number_field_and_remedy_never_by_text(tmp_path: Path) -> None:
    secret = "my card is 4111"
    lines = [
        event(1),
        secret.encode(),
        event(2, time=secret),
        b"x" * (MAX_BYTES + 1),
        [event(3), {"prompt": secret}],
    ]
    found = read_events(written(tmp_path / "e.jsonl", lines))
    assert len(found.events) == 2
    assert [(bad.line, bad.field) for bad in found.unreadable] == [
        (2, "value"),
        (3, "time"),
        (4, "value"),
        (5, "application"),
    ]
    assert all(bad.remedy in str(bad) for bad in found.unreadable)
    assert not any(secret in str(bad) or secret in repr(bad) for bad in found.unreadable)
    assert found.unreadable[0].raw.strip() == secret.encode()


def test_unknown_fields_are_counted(tmp_path: Path) -> None:
    lines = [event(1, mood="good"), event(2, mood="bad", shoe=5), event(3, user_id="ann")]
    assert read_events(written(tmp_path / "e.jsonl", lines)).unknown == {"mood": 2, "shoe": 1}


def test_made_up_field_names_do_not_fill_the_memory(tmp_path: Path) -> None:
    lines = [event(n, **{f"k{n}-{'x' * 200}": 1}) for n in range(300)]
    unknown = read_events(written(tmp_path / "e.jsonl", lines)).unknown
    assert len(unknown) == 100
    assert max(map(len, unknown)) == 64


def test_plain_json_is_read_by_a_mapping(tmp_path: Path) -> None:
    theirs = {"ts": 1_769_860_800, "chat": {"turns": [{"text": "hi"}, {"text": "bye"}]}, "source": "web"}
    path = written(tmp_path / "e.jsonl", [theirs])
    fields = {"prompt": "chat.turns.-1.text", "time": "ts"}
    (found,) = read_events(path, application="shop", fields=fields).events
    assert isinstance(found, Interaction)
    assert (found.prompt, found.time, found.source) == ("bye", NOON, "production")
    (bad,) = read_events(path, fields={"prompt": "chat.text", "time": "ts"}).unreadable
    assert bad.remedy.endswith("(map it: application=path.in.your.data)")
    (bad,) = read_events(path, application="shop", fields={"prompt": "chat.text", "time": "ts"}).unreadable
    assert bad.remedy.endswith("(mapped from chat.text)")


def test_the_kind_may_be_given(tmp_path: Path) -> None:
    path = written(tmp_path / "e.jsonl", [{"time": NOON.isoformat(), "deployment_id": "v2", "version": "2"}])
    (found,) = read_events(path, application="shop", kind="deployment").events
    assert isinstance(found, Deployment)


def test_parquet_is_read_where_pyarrow_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "e.parquet"
    rows = [event(n) | {"time": NOON + timedelta(seconds=n), "tags": ["a"]} for n in (2, 1)]
    parquet.write_table(arrow.Table.from_pylist(rows), path)
    found = read_events(path)
    assert [e.id for e in found.events if isinstance(e, Interaction)] == ["1", "2"]
    assert found.events[0].time == NOON + timedelta(seconds=1)
    path.write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match="Parquet"):
        read_events(path)
    monkeypatch.setattr("app.adapters.files.importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match="pip install pyarrow"):
        read_events(path)


@pytest.mark.parametrize(("unit", "zone"), [("ns", "UTC"), ("us", "UTC"), ("ns", "+02:00")])
def test_times_of_parquet_may_be_finer_than_ours(tmp_path: Path, unit: str, zone: str) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "e.parquet"
    nanoseconds = 1_769_860_800_000_001_999
    given = arrow.array([nanoseconds if unit == "ns" else nanoseconds // 1000], arrow.timestamp(unit, zone))
    columns = {"application": ["shop"], "time": given, "prompt": ["hi"]}
    parquet.write_table(arrow.table(columns), path)
    (found,) = read_events(path).events
    assert found.time == NOON + timedelta(microseconds=1)


def test_a_time_of_parquet_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "e.parquet"
    for unit, given in (("ms", 10**17), ("ns", {"nested": 10**18 + 1})):
        kind = arrow.timestamp(unit, "UTC")
        struct = arrow.struct([("nested", kind)]) if isinstance(given, dict) else kind
        parquet.write_table(arrow.table({"time": arrow.array([given], struct)}), path)
        with pytest.raises(InputError, match=r"after row 0 .*timestamp\[us\]"):
            read_events(path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.jsonl", None, "no such file"),
        ("missing.parquet", None, "no such file"),
        ("plain.gz", b"not gzip", "cannot be read"),
        ("short.gz", gzip.compress(b"x" * 999, mtime=0)[:-9], "ends early"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        read_events(path)
    assert str(path) in str(caught.value)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_events(tmp_path)


def test_something_usable_can_be_required(tmp_path: Path) -> None:
    read_events(written(tmp_path / "e.jsonl", [event(1)])).require(Interaction)
    with pytest.raises(InputError, match=r"none of its 1 lines is a usable deployment"):
        read_events(written(tmp_path / "e.jsonl", [event(1)])).require(Deployment)
    with pytest.raises(InputError, match=r"line 1: time: is missing"):
        read_events(written(tmp_path / "e.jsonl", [event(1, time=None)])).require(Interaction)
    with pytest.raises(InputError, match="is empty"):
        read_events(written(tmp_path / "e.jsonl", [])).require(Interaction)


# --- eval sets ---------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", ["prompt", "input", "question", "text"])
@pytest.mark.parametrize("expected", ["expected", "ideal", "answer", "reference"])
def test_every_alias_is_known(tmp_path: Path, prompt: str, expected: str) -> None:
    path = written(
        tmp_path / "s.jsonl", [{"id": 7, prompt: "where?", expected: "there", "category": "c", "score": 1}]
    )
    assert read_evalset(path).items == [
        EvalItem(id="7", prompt="where?", expected="there", category="c", score=1.0)
    ]


def test_messages_and_lists_of_answers_are_understood(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "2 + 2?"}]
    (item,) = read_evalset(written(tmp_path / "s.jsonl", [{"input": turns, "ideal": ["4", "four"]}])).items
    assert (item.prompt, item.expected) == ("2 + 2?", "4")
    (item,) = read_evalset(written(tmp_path / "s.jsonl", [{"input": "2 + 2?", "ideal": 4}])).items
    assert item.expected == "4"


def test_an_item_without_an_id_is_known_by_its_line(tmp_path: Path) -> None:
    path = written(tmp_path / "s.jsonl", [{"prompt": "a"}, {"prompt": "b"}])
    first, second = read_evalset(path).items
    assert first.id != second.id
    assert read_evalset(path).items[0].id == first.id


def test_unusable_items_are_told_by_line(tmp_path: Path) -> None:
    lines = [
        {"prompt": "fine"},
        {"promt": "x"},
        {"prompt": ""},
        {"prompt": 5},
        [1],
        b"{",
        {"prompt": "x", "score": "high"},
    ]
    found = read_evalset(written(tmp_path / "s.jsonl", lines))
    assert len(found.items) == 1
    told = [(bad.line, bad.field) for bad in found.unreadable]
    assert told == [(2, "prompt"), (3, "prompt"), (4, "prompt"), (5, "value"), (6, "value"), (7, "score")]


def test_an_eval_set_without_a_usable_item_is_no_eval_set(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"none of its 1 lines is a usable eval item; line 1: prompt: is missing"
    ):
        read_evalset(written(tmp_path / "s.jsonl", [{"q": "x"}]))
    with pytest.raises(InputError, match="is empty"):
        read_evalset(written(tmp_path / "s.jsonl", []))


# --- references of eval sets -------------------------------------------------------------------


class Meaning:
    """`ports.MeaningEncoder`: the words, in floats."""

    fingerprint = "meaning"
    asked = 0

    def encode(self, texts: Sequence[str]) -> Any:
        self.asked += len(texts)
        return WordEncoder().encode(texts).wording / 2**15


def items(count: int) -> list[EvalItem]:
    return [EvalItem(id=e.id, prompt=e.prompt) for e in interactions(count)]


def test_duplicates_and_unreadable_items_are_left_out_and_texts_redacted() -> None:
    usual = items(150)
    odd = [usual[0].prompt.upper(), " ", "parcel for ann@example.org"]
    given = [*usual, *(EvalItem(id=prompt, prompt=prompt) for prompt in odd)]
    built = build_reference(given, encoder=WordEncoder(), application="shop", seed=3)
    assert (built.units, built.kind, built.application, built.seed) == (151, "evalset", "shop", 3)
    assert built.rows.texts[-1] == "parcel for <email>"
    assert built.rows.texts[0] == usual[0].prompt
    assert built.id == build_reference(given, encoder=WordEncoder(), seed=3).id


def test_the_transformer_may_cluster() -> None:
    meaning = Meaning()
    built = build_reference(items(150), encoder=WordEncoder(), meaning=meaning)
    assert meaning.asked == 150
    assert len(built.clusters.names) == 4


def test_too_few_items_say_how_many_are_needed() -> None:
    with pytest.raises(InputError, match=r"40 usable items \(of 80.*at least 100 are needed"):
        build_reference([*items(40), *items(40)], encoder=WordEncoder())
