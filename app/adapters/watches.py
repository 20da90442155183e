"""The examples that the watch bank learns from: the seed texts of this package, and files of the user's own.

A seed file holds one class: `NAME.txt`, one text a line, or `NAME.jsonl` with a `prompt` each, for texts of
several lines.  `ordinary.jsonl` is what all classes are told apart from.
"""

import re
from difflib import get_close_matches
from functools import cache
from pathlib import Path

import numpy as np

from app.adapters.files import read_evalset
from app.core.reference import EYES
from app.core.watch import FEWEST_EXAMPLES, Bank, train
from app.errors import InputError, SettingsError
from app.ports import Encoded, Encoder
from app.settings import DetectionSettings

SEEDS = Path(__file__).with_name("watch_seeds")
ORDINARY = "ordinary"
MOST_EXAMPLES = 2_000
TABLES = (".jsonl", ".json", ".gz", ".parquet")
_NAME = re.compile(r"[^\W_][\w .-]{0,39}")


def load_bank(encoder: Encoder, detection: DetectionSettings) -> Bank | None:
    """The watches of the settings, trained for this encoder; None where all of them are muted.

    A watch of the user's takes the place of a built-in one of its name.  Cost: about a second.
    Raises: SettingsError for a name that cannot be, InputError for examples that cannot be used.
    """
    for name in detection.watches:
        if not _NAME.fullmatch(name) or name in (*EYES, "meaning", ORDINARY):
            raise SettingsError(
                f"detection.watches: {name!r} cannot be the name of a watch; take other letters, at most 40"
            )
    texts = {**seeds(), **{name: own_examples(name, path) for name, path in detection.watches.items()}}
    _check_muted(detection.mute, [*EYES, "meaning", *(name for name in texts if name != ORDINARY)])
    seen = {name: _readable(encoder.encode(list(each))) for name, each in texts.items()}
    for name in detection.watches:
        demand_examples(name, len(seen[name].shape))
    bank = train({name: each for name, each in seen.items() if name != ORDINARY}, seen[ORDINARY])
    kept = bank.without(detection.mute)
    return kept if kept.names else None


@cache
def seeds() -> dict[str, tuple[str, ...]]:
    """The texts of every built-in class, by its name, and of `ordinary`."""
    return {path.stem.replace("_", " "): read_examples(path) for path in sorted(SEEDS.iterdir())}


def own_examples(name: str, path: Path) -> tuple[str, ...]:
    """The distinct examples of a user's file, at most MOST_EXAMPLES.  Raises: InputError."""
    found = tuple(dict.fromkeys(read_examples(path)))[:MOST_EXAMPLES]
    demand_examples(name, len(found))
    return found


def demand_examples(name: str, count: int) -> None:
    """Raises: InputError below FEWEST_EXAMPLES."""
    if count < FEWEST_EXAMPLES:
        raise InputError(
            f"watch {name!r}: {count} usable examples; at least {FEWEST_EXAMPLES} are needed, 50 are better"
        )


def read_examples(path: Path) -> tuple[str, ...]:
    """The texts of a file: JSONL (also gz, or Parquet) with a `prompt` each, else one text a line.

    Raises: InputError where the file, or a line of it, cannot be read: a watch must not be half of what was
    meant.
    """
    if path.suffix in TABLES:
        found = read_evalset(path)
        if found.unreadable:
            raise InputError(f"{path}: {found.unreadable[0]}")
        return tuple(item.prompt for item in found.items)
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a file of examples") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text; write one example a line") from error
    return tuple(line.strip() for line in lines if line.strip())


def _readable(encoded: Encoded) -> Encoded:
    return encoded.select(np.flatnonzero(encoded.readable).tolist())


def _check_muted(muted: list[str], known: list[str]) -> None:
    for name in muted:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise SettingsError(f"detection.mute: no eye or watch {name!r}; {hint}")
    if set(known) - {"meaning"} <= set(muted):
        raise SettingsError("detection.mute: everything is muted; leave an eye or a watch")
