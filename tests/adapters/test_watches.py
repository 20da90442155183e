import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from app.adapters.watches import ORDINARY, load_bank, own_examples, read_examples, seeds
from app.core.watch import FEWEST_EXAMPLES
from app.errors import InputError, PromptdriftError, SettingsError
from app.settings import DetectionSettings
from tests.rig.made import WordEncoder

BUILT_IN = ("code", "jailbreak", "malformed", "other language", "refusal", "role-play")
OWN = [f"please explain invoice number {i} of the {i}th month" for i in range(20)]


def bank_of(**detection: object) -> object:
    return load_bank(WordEncoder(), DetectionSettings.model_validate(detection))


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_every_class_has_its_seeds_and_no_text_has_two_classes() -> None:
    assert set(seeds()) == {*BUILT_IN, ORDINARY}
    texts = [text for each in seeds().values() for text in each]
    assert len(texts) == len(set(texts)) > 500
    assert all(len(each) >= 50 and all(text.strip() for text in each) for each in seeds().values())


def test_the_bank_has_every_class_and_the_users_own(tmp_path: Path) -> None:
    own = written(tmp_path, "billing.txt", "\n".join(OWN) + "\n\n")
    found = load_bank(WordEncoder(), DetectionSettings(watches={"billing": own}))
    assert found is not None
    assert found.names == (*BUILT_IN, "billing")
    billing, other = (found.scores(WordEncoder().encode(texts))[:, -1] for texts in (OWN, ["good morning"]))
    assert billing.min() > other.max()


def test_a_muted_watch_is_not_there_and_the_others_are_the_same() -> None:
    whole = load_bank(WordEncoder(), DetectionSettings())
    part = load_bank(WordEncoder(), DetectionSettings(mute=["code", "shape"]))
    assert whole is not None
    assert part is not None
    assert part.fingerprint == whole.without(["code"]).fingerprint
    assert load_bank(WordEncoder(), DetectionSettings(mute=list(BUILT_IN))) is None


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.txt"])
def test_examples_are_read_from_lines_and_from_json(tmp_path: Path, name: str) -> None:
    lines = "\n".join(OWN) if name.endswith("txt") else "\n".join(f'{{"prompt": "{text}"}}' for text in OWN)
    content = gzip.compress(lines.encode()) if name.endswith("gz") else lines.encode()
    assert read_examples(written(tmp_path, name, content)) == tuple(OWN)


def test_an_example_counts_once(tmp_path: Path) -> None:
    assert own_examples("x", written(tmp_path, "a.txt", "\n".join(OWN * 3))) == tuple(OWN)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("few.txt", "\n".join(OWN[:5]), f"watch 'mine': 5 usable examples; at least {FEWEST_EXAMPLES}"),
        ("same.txt", "one\n" * 50, "watch 'mine': 1 usable examples"),
        ("empty.txt", "", "watch 'mine': 0 usable examples"),
        ("blank.jsonl", "", "is empty"),
        ("broken.jsonl", '{"prompt": "a"}\n{"prompt": ', "line 2"),
        ("fields.jsonl", '{"prompt": "a"}\n{"text of it": "b"}', "line 2: prompt: is missing"),
        ("binary.txt", b"\x00\xff\xfe\x80" * 50, "is not UTF-8 text"),
    ],
)
def test_a_bad_file_of_examples_is_told_with_its_remedy(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    with pytest.raises(InputError) as told:
        bank_of(watches={"mine": written(tmp_path, name, content)})
    assert said in str(told.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for name in ("none.txt", "none.jsonl"):
        with pytest.raises(InputError, match="none"):
            bank_of(watches={"mine": tmp_path / name})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda path: {"watches": {"shape": path}}, "'shape' cannot be the name of a watch"),
        (lambda path: {"watches": {"a: b": path}}, "'a: b' cannot be the name"),
        (lambda path: {"mute": ["shap"]}, "no eye or watch 'shap'; did you mean 'shape'"),
        (lambda path: {"mute": ["xyz"]}, "there are wording, shape"),
        (lambda path: {"mute": ["wording", "shape", *BUILT_IN]}, "everything is muted"),
    ],
)
def test_wrong_names_are_settings_to_change(
    tmp_path: Path, wrong: Callable[[Path], dict[str, object]], said: str
) -> None:
    with pytest.raises(SettingsError) as told:
        bank_of(**wrong(written(tmp_path, "own.txt", "\n".join(OWN))))
    assert said in str(told.value)
    assert isinstance(told.value, PromptdriftError)
