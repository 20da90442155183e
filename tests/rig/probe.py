"""What this machine can run: each `why_no_...` gives the reason in words, or None if there is none.

Asking is cheap: nothing is downloaded and no server is started.
"""

import os
import re
import shutil
import subprocess

from tests.rig import redis

NEEDED_JAVA = 17


def given_kafka() -> str | None:
    """Bootstrap servers of a Kafka that the caller wants used (`KAFKA_BOOTSTRAP_SERVERS`), or None."""
    return os.environ.get("KAFKA_BOOTSTRAP_SERVERS") or None


def why_no_kafka() -> str | None:
    """Why no real broker can be had: neither a given one nor one of our own.

    A broker named through the environment counts as there: if it is not, its tests should fail, not vanish.
    """
    return None if given_kafka() else why_no_own_kafka()


def why_no_own_kafka() -> str | None:
    """Why the rig cannot start brokers of its own, as tests of crashes need them.

    Whether Maven finds a repository shows when it is asked: `broker.classpath` then raises ClasspathError.
    """
    java = shutil.which("java")
    if java is None:
        return f"no Java on PATH (Kafka needs {NEEDED_JAVA} or newer)"
    version = _java_version(java)
    if version < NEEDED_JAVA:
        return f"Java on PATH is version {version}, Kafka needs {NEEDED_JAVA} or newer"
    return None


def why_no_redis() -> str | None:
    """Why no real Redis can be had."""
    return None if redis.executable() else "neither redis-server nor valkey-server is on PATH"


def why_no_chromium() -> str | None:
    """Why the page cannot be looked at in a browser."""
    return None if chromium() else "no Chromium or Chrome on PATH"


def chromium() -> str | None:
    """Path of a Chromium or Chrome, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for path in map(shutil.which, names) if path), None)


def _java_version(java: str) -> int:
    """Major version; 0 if `java -version` says nothing that can be read. Old ones say 1.8 and count as 1."""
    said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60)
    found = re.search(r'version "(\d+)', said.stderr + said.stdout)
    return int(found.group(1)) if found else 0
