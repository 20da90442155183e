"""The architecture as a test: who loads what, and that the installed packages are this checkout."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
HEAVY = {"faust", "torch", "redis", "confluent_kafka", "tokenizers", "aiokafka", "fastapi"}


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter."""
    return subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True)


def loaded_by(modules: str) -> set[str]:
    """Top-level packages that a fresh interpreter holds after an import."""
    done = python(f"import sys, {modules}; print(*{{name.partition('.')[0] for name in sys.modules}})")
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_core_loads_nothing_heavy() -> None:
    loaded = loaded_by("app.core.monitors, app.core.measurement, app.core.incidents")
    assert "numpy" in loaded
    assert not loaded & HEAVY


def test_a_worker_that_starts_again_loads_nothing_that_only_learning_needs() -> None:
    assert not loaded_by("agents.worker") & {"torch", "sklearn", "river"}


def test_every_module_of_the_core_can_be_imported_first() -> None:
    names = [f"app.core.{path.stem}" for path in (CHECKOUT / "app" / "core").glob("[!_]*.py")]
    forget = "[sys.modules.pop(name) for name in list(sys.modules) if name.startswith('app.')]"
    lines = ["import importlib, sys"]
    for name in sorted(names):
        lines += [forget, f"importlib.import_module('{name}')"]
    done = python("\n".join(lines))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", ["app", "agents", "schemas"])
def test_the_packages_are_those_of_this_checkout(package: str) -> None:
    """An application: its package names are generic on purpose and must never be another's."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).parent == CHECKOUT / package


def test_the_import_contracts_hold() -> None:
    done = python("import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run())")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout
