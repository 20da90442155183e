"""The store of eval sets -> a version proposed every week, and `evalsets.v1`: what versions there are.

One worker looks: the one that holds the first partition of readings.  Its memory is the history in the
store, so a restart, or another worker in its place, neither misses a week nor builds twice.  Building reads
topics whole and computes for a while: it is `promptdrift evalset build` in a process of its own, and
measuring goes on.
"""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from agents.plumbing import Outbox, raise_if_cancelled
from agents.telemetry import CURATIONS, log
from app.adapters.evalset_topic import read
from app.adapters.evalsets import EvalSets
from app.core.curation_history import due
from app.errors import PromptdriftError
from app.settings import CurationSettings
from schemas.codec import encode
from schemas.topics import EVALSETS

LOOK_SECONDS = 60.0
RETRY_SECONDS = 3600.0
PATIENCE_SECONDS = 3600.0  # for one build
NICENESS = 10  # traffic comes first
TOLD = 300  # characters of why a build failed

Build = Callable[[Sequence[str]], Awaitable[tuple[int, str]]]


class Curate:
    """Looks every minute; builds what is due, one application after another.

    Args: leads, whether this worker is the one that does; measured, applications with a baseline, and since
        when (epoch seconds); build, runs `evalset build` with arguments: exit status and the last message.
    """

    def __init__(
        self,
        settings: CurationSettings,
        store: str,
        *,
        outbox: Outbox,
        leads: Callable[[], bool],
        measured: Callable[[], Mapping[str, float]],
        build: Build | None = None,
    ) -> None:
        self._settings, self._store, self._outbox = settings, store, outbox
        self._leads, self._measured, self._build = leads, measured, build or run_build
        self._told: dict[str, int] = {}  # application -> newest entry that was told of
        self._not_before: dict[str, float] = {}  # application -> when a build that failed is tried again

    async def follow(self) -> None:
        """Run until cancelled."""
        while True:
            raise_if_cancelled()
            if self._leads():
                for application in self._settings.applications or sorted(self._measured()):
                    await self.look(application)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self, application: str) -> None:
        """Build a version where one is due, and tell what stands.  A store that is away is asked again."""
        try:
            sets = await asyncio.to_thread(EvalSets, self._store, application)
            if await asyncio.to_thread(self._is_due, sets):
                await self._make(sets)
            await self._tell(sets)
        except (PromptdriftError, OSError) as error:
            log.warning("evalset_store_unread", application=application, reason=str(error)[:TOLD])

    def _is_due(self, sets: EvalSets) -> bool:
        if time.monotonic() < self._not_before.get(sets.application, 0.0):
            return False
        since = self._measured().get(sets.application)
        began = None if since is None else datetime.fromtimestamp(since, UTC)
        every = timedelta(days=self._settings.every_days)
        return due(sets.history(), now=datetime.now(UTC), every=every, began=began)

    async def _make(self, sets: EvalSets) -> None:
        application = sets.application
        status, said = await self._build(self._arguments(application))
        elsewhere = bool(status) and not await asyncio.to_thread(self._is_due, sets)
        outcome = "elsewhere" if elsewhere else "failed" if status else "built"
        CURATIONS.labels(outcome).inc()
        if elsewhere:
            log.info("evalset_built_elsewhere", application=application, reason=said[:TOLD])
        elif status:
            self._not_before[application] = time.monotonic() + RETRY_SECONDS
            log.warning("evalset_not_built", application=application, status=status, reason=said[:TOLD])
        else:
            log.info("evalset_built", application=application, version=said)

    def _arguments(self, application: str) -> list[str]:
        wanted = self._settings
        given = {
            "application": application,
            "store": self._store,
            "most-samples": wanted.most_samples,
            "seed": wanted.seed,
        }
        return [f"--{name}={value}" for name, value in given.items()]

    async def _tell(self, sets: EvalSets) -> None:
        """Also of what was done where no broker could be reached."""
        entries = await asyncio.to_thread(sets.history)
        if not entries or entries[-1].number == self._told.get(sets.application):
            return
        standing = await asyncio.to_thread(read, sets)
        await self._outbox.send(EVALSETS, encode(standing), key=sets.application.encode(), partition=0)
        await self._outbox.deliver()
        self._told[sets.application] = standing.number


async def run_build(arguments: Sequence[str]) -> tuple[int, str]:
    """`promptdrift evalset build` beside this process: its exit status, and its version or last message.

    It ends with this process, and after an hour in any case.
    """
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli", "evalset", "build", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    with suppress(OSError):  # not everywhere allowed
        os.setpriority(os.PRIO_PROCESS, child.pid, NICENESS)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            out, err = await child.communicate()
    except TimeoutError:
        return 1, f"was not done after {PATIENCE_SECONDS / 60:.0f} minutes"
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    lines = (err if child.returncode else out).decode(errors="replace").strip().splitlines()
    return child.returncode or 0, lines[-1] if lines else ""
