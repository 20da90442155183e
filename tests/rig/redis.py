"""A real Redis (or Valkey) for tests: nothing is written to disk, nothing but loopback is listened on.

with RedisServer() as server:
    client = Redis.from_url(server.url)
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.rig.process import LOOPBACK, free_ports, start, stop, tail

START_ATTEMPTS = 3
READY_LIMIT_S = 60.0


class RedisError(RuntimeError):
    """The server could not be started; the message ends with the last lines of its log."""


def executable() -> str | None:
    """Path of the server program, or None: Debian calls it redis-server, newer systems valkey-server."""
    return shutil.which("redis-server") or shutil.which("valkey-server")


class RedisServer:
    """An empty server for the time of a `with` block, on a spare port, in a folder of its own."""

    def __init__(self, program: str | None = None, *options: str) -> None:
        self._program, self._options = program or executable(), options
        self._process: subprocess.Popen[bytes] | None = None
        self._home: Path | None = None
        self._port = 0
        self.url = ""
        """redis://host:port/0, for clients."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id. Raises RedisError if the server was not started."""
        if self._process is None:
            raise RedisError("this server is not running")
        return self._process.pid

    def start(self) -> None:
        """Start and wait until it answers. Raises RedisError, leaving nothing behind."""
        program = self._program
        if program is None:
            raise RedisError("neither redis-server nor valkey-server is on PATH")
        for attempt in range(1, START_ATTEMPTS + 1):  # another program may have taken the port meanwhile
            self._home = Path(tempfile.mkdtemp(prefix="promptdrift-redis-"))
            log = self._home / "server.log"
            self._port = self._port or free_ports(1)[0]  # the same again after a `stop`
            options = ["--port", str(self._port), "--bind", LOOPBACK, "--dir", str(self._home)]
            options += ["--save", "", "--appendonly", "no", *self._options]
            self._process = start([program, *options], log)
            self.url = f"redis://{LOOPBACK}:{self._port}/0"
            if self._answers():
                return
            report, self._port = tail(log), 0
            self.stop()
            if attempt == START_ATTEMPTS or "in use" not in report:
                raise RedisError(f"{program} did not start:\n{report}")

    def stop(self) -> None:
        """End the server and remove its folder."""
        if self._process is not None:
            stop(self._process)
            self._process = None
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = None

    def _answers(self) -> bool:
        deadline = time.monotonic() + READY_LIMIT_S
        with Redis.from_url(self.url, socket_timeout=1.0) as client:
            while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
                try:
                    return bool(client.ping())
                except RedisConnectionError:
                    time.sleep(0.02)
        return False
