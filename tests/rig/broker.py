"""A real Apache Kafka for tests, on loopback: Maven fetches the jars, Java runs them; no container engine.

    with KafkaBroker() as kafka:            # one node, broker and controller in one
        produce_to(kafka.bootstrap)

    with KafkaBroker(nodes=3) as kafka:     # a quorum: replication 3, two in sync; one node may be lost
        kafka.nodes[0].kill()               # SIGKILL
        kafka.nodes[0].start()
        kafka.wait_until_ready()

The first use on a machine downloads about 70 MB; after that the class path is read from a cache.
Needs Java 17 or newer; `tests.rig.probe.why_no_kafka` tells beforehand.
"""

import base64
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.rig.process import LOOPBACK, free_ports, start, stop, tail

HERE = Path(__file__).resolve().parents[1] / "kafka"
POM = HERE / "pom.xml"
LOG4J = HERE / "log4j2.properties"
JVM_FLAGS = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
RESOLVE_LIMIT_S = 480.0
START_ATTEMPTS = 3


class BrokerError(RuntimeError):
    """The broker could not be started; the message ends with the last lines of its log."""


class ClasspathError(BrokerError):
    """Kafka's jars cannot be had here: no Maven, or no way to a repository."""


class _PortTakenError(BrokerError):
    """Somebody took a port between our choosing it and Kafka's binding it: worth another try."""


def cache_directory() -> Path:
    """Where class paths are remembered: `PROMPTDRIFT_TEST_CACHE`, or a folder in the user's cache."""
    chosen = os.environ.get("PROMPTDRIFT_TEST_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "promptdrift-tests"


def classpath(pom: Path = POM) -> str:
    """The Java class path of a pom's dependencies, resolved by Maven once per content of that pom.

    Raises ClasspathError if Maven is missing, fails, or takes more than RESOLVE_LIMIT_S seconds.
    """
    remembered = cache_directory() / f"classpath-{hashlib.sha256(pom.read_bytes()).hexdigest()[:16]}.txt"
    remembered.parent.mkdir(parents=True, exist_ok=True)
    with remembered.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Maven is not made to fill its folder twice at once
        if remembered.exists():
            known = remembered.read_text().strip()
            jars = known.split(os.pathsep)
            if all(map(os.path.exists, jars)):  # Maven's own folder may have been emptied meanwhile
                return known
        resolved = _resolve(pom)
        draft = remembered.with_suffix(f".{os.getpid()}")
        draft.write_text(resolved)
        draft.replace(remembered)  # whole, or not at all
        return resolved


def _resolve(pom: Path) -> str:
    mvn = shutil.which("mvn")
    if mvn is None:
        raise ClasspathError("Maven (mvn) is not on PATH and Kafka's class path is not in the cache")
    with tempfile.TemporaryDirectory(prefix="promptdrift-mvn-") as scratch:
        output = Path(scratch) / "classpath.txt"
        goal = ["dependency:build-classpath", f"-Dmdep.outputFile={output}"]
        command = [mvn, "-q", "-B", "-f", str(pom), *goal]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=RESOLVE_LIMIT_S)
        except subprocess.TimeoutExpired as late:
            raise ClasspathError(f"Maven did not resolve {pom.name} in {RESOLVE_LIMIT_S:.0f} s") from late
        if done.returncode != 0:
            raise ClasspathError(f"Maven could not resolve {pom.name}:\n{done.stdout[-2000:]}")
        return output.read_text().strip()


class KafkaNode:
    """One Kafka process, broker and controller in one, with its own ports, log folder and log file."""

    def __init__(self, address: str, jars: str, home: Path, settings: Mapping[str, str]) -> None:
        self.address = address
        """host:port for clients."""
        self._jars = jars
        self._properties = home / "server.properties"
        self._process: subprocess.Popen[bytes] | None = None
        self.log = home / "server.log"
        home.mkdir(parents=True)
        self._properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))

    @property
    def pid(self) -> int:
        """Process id. Raises BrokerError if the node was not started."""
        if self._process is None:
            raise BrokerError("this node is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def format(self, cluster: str) -> None:
        """Write the empty log folder of a new cluster; once, before the first start."""
        command = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._properties))
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise BrokerError(f"Kafka could not format its storage:\n{(done.stdout + done.stderr)[-2000:]}")

    def start(self) -> None:
        """Start the process, also again after `stop` or `kill`: same ports, same data. Returns at once."""
        self._process = start(self._java("kafka.Kafka", str(self._properties)), self.log)

    def terminate(self) -> None:
        """Ask for an orderly end without waiting for it."""
        if self._process is not None:
            self._process.terminate()

    def stop(self) -> None:
        """Ask for an orderly end; KILL after 20 s."""
        if self._process is not None:
            stop(self._process)

    def kill(self) -> None:
        """SIGKILL: a crash, as a test of failover wants it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _java(self, *command: str) -> list[str]:
        return ["java", *JVM_FLAGS, f"-Dlog4j2.configurationFile={LOG4J}", "-cp", self._jars, *command]


class KafkaBroker:
    """A Kafka cluster of `nodes` nodes for the time of a `with` block; its data go with it.

    `settings` adds to or replaces broker properties, on every node.
    """

    def __init__(
        self, nodes: int = 1, settings: Mapping[str, str] | None = None, ready_limit_s: float = 90.0
    ) -> None:
        self._size = nodes
        self._settings = dict(settings or {})
        self._ready_limit_s = ready_limit_s
        self._home: Path | None = None
        self._cluster = ""
        self.nodes: list[KafkaNode] = []
        self.bootstrap = ""
        """Comma separated host:port of every node, for clients."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start every node and wait until the cluster answers. Raises BrokerError, leaving nothing behind."""
        jars = classpath()
        for attempts_left in reversed(range(START_ATTEMPTS)):
            try:
                self._build(jars)
                for node in self.nodes:
                    node.start()
                return self.wait_until_ready()
            except BaseException as error:  # also Ctrl-C: a broker must not outlive the tests
                self.stop()
                if not (isinstance(error, _PortTakenError) and attempts_left):
                    raise

    def stop(self) -> None:
        """End every node and remove the data."""
        for node in self.nodes:  # all at once: the last one alone would wait for a quorum in vain
            node.terminate()
        for node in self.nodes:
            node.stop()
        self.nodes = []
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = None

    def wait_until_ready(self) -> None:
        """Return once every running node answers and sees all of them in service, else raise BrokerError."""
        expected = [node for node in self.nodes if node.running]
        deadline = time.monotonic() + self._ready_limit_s
        for node in expected:  # each is asked itself: the others list a crashed one for some seconds more
            # log_level 0: librdkafka would print a line for each refused connection while the broker starts.
            quiet = {"log_level": 0, "reconnect.backoff.max.ms": 100}
            admin = AdminClient({"bootstrap.servers": node.address} | quiet)
            while not _sees(admin, self._cluster, len(expected)):
                if not node.running or time.monotonic() > deadline:
                    raise self._failure(expected)
                time.sleep(0.05)

    def _build(self, jars: str) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="promptdrift-kafka-"))
        ports = free_ports(2 * self._size)
        clients, controllers = ports[: self._size], ports[self._size :]
        voters = ",".join(f"{number}@{LOOPBACK}:{port}" for number, port in enumerate(controllers, 1))
        self._cluster = _cluster_id()
        for number, (client, controller) in enumerate(zip(clients, controllers, strict=True), 1):
            home = self._home / f"node-{number}"
            settings = _node_settings(number, client, controller) | {"log.dirs": str(home / "data")}
            settings |= {"controller.quorum.voters": voters, **_shared_settings(self._size), **self._settings}
            node = KafkaNode(f"{LOOPBACK}:{client}", jars, home, settings)
            node.format(self._cluster)
            self.nodes.append(node)
        self.bootstrap = ",".join(node.address for node in self.nodes)

    def _failure(self, expected: Sequence[KafkaNode]) -> BrokerError:
        ended = sum(not node.running for node in expected)
        limit = f"not ready in {self._ready_limit_s:.0f} s"
        what = f"{ended} of {len(expected)} nodes ended" if ended else limit
        logs = "\n".join(tail(node.log) for node in expected)
        kind = _PortTakenError if "BindException" in logs else BrokerError
        return kind(f"Kafka: {what}\n{logs}")


def _sees(admin: AdminClient, cluster: str, brokers: int) -> bool:
    """Whether a node answers, of this cluster (another one may sit on the port), and lists enough brokers."""
    try:
        found = admin.list_topics(timeout=1.0)
    except KafkaException:
        return False  # not listening yet
    return bool(found.cluster_id == cluster and len(found.brokers) >= brokers)


def _cluster_id() -> str:
    """What `kafka-storage random-uuid` prints, without a JVM: 16 bytes, base64, no leading dash."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def _node_settings(number: int, client_port: int, controller_port: int) -> dict[str, str]:
    return {
        "process.roles": "broker,controller",
        "node.id": str(number),
        "listeners": f"PLAINTEXT://{LOOPBACK}:{client_port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{client_port}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
    }


def _shared_settings(nodes: int) -> dict[str, str]:
    copies, in_sync = min(nodes, 3), 2 if nodes >= 3 else 1
    replicated = {
        "default.replication.factor": str(copies),
        "min.insync.replicas": str(in_sync),
        "offsets.topic.replication.factor": str(copies),
        "transaction.state.log.replication.factor": str(copies),
        "transaction.state.log.min.isr": str(in_sync),
        "share.coordinator.state.topic.replication.factor": str(copies),
        "share.coordinator.state.topic.min.isr": str(in_sync),
    }
    return replicated | {
        "auto.create.topics.enable": "false",  # a misspelt topic must fail here as it does in production
        "offsets.topic.num.partitions": "3",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "2000",  # Kafka's 6 s would refuse the short sessions of crash tests
        "broker.session.timeout.ms": "4000",  # a killed node comes back only after this; Kafka's own is 9 s
        "broker.heartbeat.interval.ms": "500",
        "log.retention.check.interval.ms": "1000",  # so that a test can watch retention and compaction happen
        "log.cleaner.backoff.ms": "500",
        "log.cleaner.dedupe.buffer.size": "4194304",  # bytes; Kafka's 128 MiB would be a third of our heap
        "num.network.threads": "2",
        "num.io.threads": "2",
    }
