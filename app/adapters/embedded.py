"""The embedded mode: librdkafka's mock cluster and a fake Redis, in a child process, in memory.

For the demo and for quick tests only: retention is 5 MiB a partition, nothing is compacted, and
everything dies with the process.  The code that talks to them is the one that talks to real servers.
"""

import contextlib
import ctypes
import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from app.errors import DependencyError
from schemas.topics import CATALOGUE, partitions_of

START_SECONDS = 30.0


class MockCluster:
    """One mock broker with every topic; alive as long as this object is referenced and open."""

    def __init__(self, topics: Sequence[tuple[str, int]]) -> None:
        self._library = _librdkafka()
        error = ctypes.create_string_buffer(512)
        self._handle = self._library.rd_kafka_new(0, None, error, len(error))
        if not self._handle:
            raise DependencyError(f"embedded broker: {error.value.decode(errors='replace')}")
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._handle, 1)
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 100)
        self._library.rd_kafka_mock_set_controller_id(self._cluster, 1)
        for name, partitions in topics:
            self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)
        self.bootstrap: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()


def _librdkafka() -> ctypes.CDLL:
    """The librdkafka that the confluent-kafka wheel carries, with the signatures used here.

    Raises: DependencyError where the wheel carries none.
    """
    spec = importlib.util.find_spec("confluent_kafka")
    home = Path(spec.origin).parent if spec is not None and spec.origin else Path()
    found = [*home.parent.glob("confluent_kafka.libs/librdkafka*"), *home.glob(".dylibs/librdkafka*")]
    if not found:
        raise DependencyError(
            "the embedded broker needs the librdkafka of the confluent-kafka wheel; this platform has none: "
            "start a real Kafka and set KAFKA_BOOTSTRAP_SERVERS"
        )
    library = ctypes.CDLL(str(found[0]))
    handle, text = ctypes.c_void_p, ctypes.c_char_p
    signatures = {
        "rd_kafka_new": (handle, [ctypes.c_int, handle, text, ctypes.c_size_t]),
        "rd_kafka_mock_cluster_new": (handle, [handle, ctypes.c_int]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [handle, ctypes.c_int32]),
        "rd_kafka_mock_set_controller_id": (ctypes.c_int, [handle, ctypes.c_int32]),
        "rd_kafka_mock_topic_create": (ctypes.c_int, [handle, text, ctypes.c_int, ctypes.c_int]),
        "rd_kafka_mock_cluster_bootstraps": (text, [handle]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def topic_sizes(prefix: str, partitions: int) -> list[tuple[str, int]]:
    """Every topic of the catalogue with its number of partitions."""
    return [(prefix + topic.name, partitions_of(topic, partitions)) for topic in CATALOGUE]


def serve(prefix: str, partitions: int) -> None:
    """The child: start both, print where they are as one JSON line, live until stdin closes."""
    from fakeredis import TcpFakeServer  # the child only

    cluster = MockCluster(topic_sizes(prefix, partitions))
    redis = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    threading.Thread(target=redis.serve_forever, daemon=True).start()
    host, port = redis.server_address[:2]
    place = {"bootstrap": cluster.bootstrap, "redis": f"redis://{host}:{port}/0"}
    sys.stdout.write(json.dumps(place) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)  # at once: a thread of the fake Redis would wait for each client that is still connected


class Embedded:
    """Context manager around the child; `bootstrap` and `redis_url` are valid inside."""

    def __init__(self, *, prefix: str = "promptdrift.", partitions: int = 4) -> None:
        self._arguments = [sys.executable, "-m", "app.adapters.embedded", prefix, str(partitions)]
        self.bootstrap = ""
        self.redis_url = ""

    def __enter__(self) -> "Embedded":
        self._process = subprocess.Popen(
            self._arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        line = self._first_line()
        try:
            place = json.loads(line)
        except ValueError:
            self.__exit__(None, None, None)
            raise DependencyError("the embedded broker did not start; run `promptdrift doctor`") from None
        self.bootstrap, self.redis_url = place["bootstrap"], place["redis"]
        return self

    def _first_line(self) -> str:
        lines: list[str] = []
        stdout = self._process.stdout
        assert stdout is not None
        reader = threading.Thread(target=lambda: lines.append(stdout.readline()), daemon=True)
        reader.start()
        reader.join(START_SECONDS)
        return lines[0] if lines else ""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop(self._process, closing_stdin=True)


def stop(process: "subprocess.Popen[Any]", *, closing_stdin: bool = False, seconds: float = 10.0) -> None:
    """Ask a child to end, then end it; only ever a process that we started."""
    if closing_stdin and process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    elif process.poll() is None:
        process.terminate()
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    if process.poll() is None:
        process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
