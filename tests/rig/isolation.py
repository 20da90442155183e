"""A process of its own that cannot reach a network: not from Python, and on Linux not from native code."""

import ctypes
import os
import platform
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

ROOT = Path(__file__).parents[2]
REFUSED = ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname")
SOCKET = {"x86_64": 41, "aarch64": 198}  # number of the system call
INTERNET = (2, 10)  # AF_INET, AF_INET6


def isolated(code: str, home: Path) -> str:
    """Run code with `home` as home and without network; its stdout.  An attempt ends it, and the test."""
    head = "import sys\nfrom tests.rig.isolation import forbid\nforbid()\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", head + dedent(code)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr}"
    return done.stdout


def forbid() -> None:
    """End this process when anything in it opens an internet socket or asks for an address."""

    def audit(event: str, arguments: Sequence[Any]) -> None:
        if event in REFUSED:
            os.write(2, f"network: {event} {arguments!r}\n".encode())
            os._exit(9)  # an exception would be swallowed by whoever phones home

    sys.addaudithook(audit)
    if sys.platform == "linux" and platform.machine() in SOCKET:
        _forbid_the_kernel()


def _forbid_the_kernel() -> None:
    """A seccomp filter: socket(AF_INET or AF_INET6) kills the process.  Inherited by threads and children."""
    load, jump, give = 0x20, 0x15, 0x06
    allow, kill = 0x7FFF0000, 0x80000000
    rules = [
        (load, 0, 0, 0),  # the number of the call
        (jump, 0, 3, SOCKET[platform.machine()]),
        (load, 0, 0, 16),  # its first argument
        (jump, 2, 0, INTERNET[0]),
        (jump, 1, 0, INTERNET[1]),
        (give, 0, 0, allow),
        (give, 0, 0, kill),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    program = struct.pack("HxxxxxxP", len(rules), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, seccomp, as_filter = 38, 22, 2
    for arguments in ((no_new_privileges, 1, 0, 0, 0), (seccomp, as_filter, program, 0, 0)):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "prctl")
