"""A change of what a snapshot holds takes a new FORMAT: the code that writes and reads it is pinned here.

Where this fails, raise FORMAT beside the agent, unless snapshots of before are still read rightly, and put
what the failure shows into PINNED.  What a new number costs is in docs/operations.md (upgrading).
"""

import ast
import dataclasses
import hashlib
import importlib
import inspect
import sys
import textwrap
from pathlib import Path
from types import FunctionType
from typing import Any

import msgspec
import pytest

AGENTS = Path(__file__).parents[2] / "agents"
VERBS = {"snapshot", "restore", "to_wire", "from_wire", "_load"}  # what writes a state, what reads it
PINNED = {
    "alert": (2, "44f8bea6b9bc3481"),
    "detect": (1, "679f5ce029787d82"),
    "evaluate": (1, "9f74f9f9b8a3880f"),
    "measure": (1, "ed5e01894f4e8ff4"),
    "notify": (1, "01479ed876a63916"),
    "outcomes": (2, "4b24491f9433942f"),
    "release_runs": (1, "d67c37183df8a2f5"),
    "shadow": (1, "f459b3765ad1677b"),
}


def pieces(thing: Any) -> list[ast.AST]:
    """What of a class or function says how a state is written: its verbs, its fields; of a function, all."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(thing))).body
    if not isinstance(tree, ast.ClassDef):
        return [tree]
    shaped = dataclasses.is_dataclass(thing) or issubclass(thing, msgspec.Struct | tuple)
    return [
        each.annotation if isinstance(each, ast.AnnAssign) else each
        for each in tree.body
        if (isinstance(each, ast.FunctionDef) and each.name in VERBS)
        or (isinstance(each, ast.AnnAssign) and shaped)
    ]


def text_of(piece: ast.AST) -> str:
    """Source without words for people."""
    for node in ast.walk(piece):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(piece)


def follows(thing: Any) -> bool:
    return isinstance(thing, type | FunctionType) and thing.__module__.partition(".")[0] in (
        "agents",
        "app",
        "schemas",
    )


def neighbours(thing: Any, found: list[ast.AST]) -> list[Any]:
    """What the pieces name, and what beside it can be saved: attributes do not tell their types."""
    beside = vars(sys.modules[thing.__module__])
    named = {node.id for piece in found for node in ast.walk(piece) if isinstance(node, ast.Name)}
    saved = {name for name, each in beside.items() if isinstance(each, type) and hasattr(each, "snapshot")}
    holds = any(isinstance(piece, ast.FunctionDef) for piece in found) or thing.__name__ == "_Partition"
    return [beside[n] for n in sorted(named | (saved if holds else set())) if follows(beside.get(n))]


def digest(agent: str) -> str:
    module = importlib.import_module(f"agents.{agent}")
    stations = [c for c in vars(module).values() if isinstance(c, type) and "_load" in vars(c)]
    waiting: list[Any] = [module._Partition, *stations]
    seen: dict[Any, str] = {}
    while waiting:
        thing = waiting.pop()
        if thing in seen or inspect.isabstract(thing):
            continue
        found = pieces(thing)
        seen[thing] = "\n".join([thing.__qualname__, *map(text_of, found)])  # wherever it is defined
        waiting += neighbours(thing, found)
    return hashlib.blake2b("\n".join(sorted(seen.values())).encode(), digest_size=8).hexdigest()


def test_every_agent_that_saves_is_pinned() -> None:
    saving = {
        each.stem for each in AGENTS.glob("*.py") if "=Checkpoints(" in each.read_text().replace(" ", "")
    }
    assert saving == PINNED.keys()


@pytest.mark.parametrize("agent", sorted(PINNED))
def test_a_snapshot_that_changed_has_another_format(agent: str) -> None:
    assert (importlib.import_module(f"agents.{agent}").FORMAT, digest(agent)) == PINNED[agent]
