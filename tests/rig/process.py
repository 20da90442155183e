"""Child processes and ports of the rig: everything listens on loopback and is ended by its own pid."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """`count` different ports that are free on loopback now; somebody may still take one before its use."""
    with ExitStack() as held:  # all held at once: one closed before the next is asked for could come twice
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [int(each.getsockname()[1]) for each in sockets]


def start(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start `command`, with stdout and stderr appended to the file `log`.

    Started from the main thread, the child is also ended when this process is killed and can tidy nothing up.
    (From another thread it would end with that thread: the kernel counts threads as parents here.)
    """
    setpriv = shutil.which("setpriv")
    if setpriv and threading.current_thread() is threading.main_thread():
        command = [setpriv, "--pdeathsig", "TERM", *command]
    with log.open("ab") as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)


def stop(process: subprocess.Popen[bytes], grace_s: float = 20.0) -> None:
    """End `process`: TERM, then KILL after `grace_s` seconds. No error if it has ended already."""
    process.terminate()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail(log: Path, lines: int = 30) -> str:
    """The last `lines` lines of a log file; empty if there is none."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
