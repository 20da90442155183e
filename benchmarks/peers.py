"""The peers' libraries: their environment, made once outside the repository, and calls into it."""

import hashlib
import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.vectors import CACHE

HERE = Path(__file__).parent
PINS = HERE / "peers.txt"


class NotInstalled(Exception):
    """The peers' environment cannot be made; says why."""


def environment() -> Path:
    """The interpreter of the peers' environment, made at the first call (some minutes).

    It finds torch, which alone is larger than everything else, behind its own packages in this project's.

    Raises: NotInstalled.
    """
    version = hashlib.blake2b(PINS.read_bytes(), digest_size=4).hexdigest()
    folder = CACHE / f"peers-{version}"
    python, stamp = folder / "bin" / "python", folder / "installed"
    if stamp.is_file():
        return python
    sys.stderr.write(f"installing the peers into {folder}\n")
    venv.create(folder, with_pip=True, clear=True)
    done = subprocess.run(
        [python, "-m", "pip", "install", "-q", "-r", PINS], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotInstalled(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "pip failed")
    ours, theirs = (sysconfig.get_path("purelib", vars=v) for v in ({}, {"base": str(folder)}))
    (Path(theirs) / "behind.pth").write_text(ours + "\n")
    stamp.touch()
    return python


def call(task: str, **arrays: ArrayLike) -> dict[str, Any]:
    """Run one task of `benchmarks/peer_libraries.py` in a process of its own, on one core.

    Raises: NotInstalled, and CalledProcessError where the library itself fails.
    """
    python = environment()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "given.npz", Path(folder) / "found.npz"
        given: dict[str, Any] = arrays
        np.savez(source, **given)
        subprocess.run(
            [python, HERE / "peer_libraries.py", task, source, target],
            check=True,
            stdout=sys.stderr,
            env={
                **{k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
                "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
                "DO_NOT_TRACK": "1",
            },
        )
        with np.load(target) as found:
            return dict(found)
