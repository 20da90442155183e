"""A worker whose encoder hangs for as long as a file exists: `python -m tests.rig.stuck FILE`.

It looks at itself once a second, so that a test need not wait for minutes.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agents import vitals, worker
from app.adapters.encoders import open_encoder
from app.core import bulletin


class Hanging:
    """The encoder of this worker, until the file appears."""

    def __init__(self, inner: Any, file: Path) -> None:
        self._inner, self._file = inner, file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def encode(self, texts: Sequence[str]) -> Any:
        while texts and self._file.exists():
            time.sleep(0.1)
        return self._inner.encode(texts)


if __name__ == "__main__":
    file = Path(sys.argv.pop())
    vitals.LOOK_SECONDS, bulletin.SOON_SECONDS = 1.0, 0.9
    vars(worker)["open_encoder"] = lambda settings: Hanging(open_encoder(settings), file)
    worker.main()
