"""The architecture as a test: who loads what, and that the installed packages are this checkout."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
HEAVY = (
    "faust",
    "torch",
    "redis",
    "confluent_kafka",
    "tokenizers",
    "aiokafka",
    "fastapi",
    "sentence_transformers",
)


def loaded_by(module: str) -> set[str]:
    """Top-level packages that a fresh interpreter holds after one import."""
    code = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["app.core.monitors", "app.core.measurement", "app.core.incidents"])
def test_the_core_loads_nothing_heavy(module: str) -> None:
    assert not loaded_by(module) & set(HEAVY)


def test_every_module_of_the_core_can_be_imported_first() -> None:
    names = sorted(f"app.core.{path.stem}" for path in (CHECKOUT / "app" / "core").glob("[!_]*.py"))
    code = "import sys, importlib\n" + "\n".join(
        f"[sys.modules.pop(n) for n in list(sys.modules) if n.startswith('app.')]; importlib.import_module('{name}')"
        for name in names
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", ["app", "agents", "schemas"])
def test_the_packages_are_those_of_this_checkout(package: str) -> None:
    """An application: its package names are generic on purpose and must never be another's."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).parent == CHECKOUT / package


def test_the_import_contracts_hold() -> None:
    code = "import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run())"
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout
