"""The server on a spare port of loopback, in a thread of this process."""

import asyncio
import socket
import threading
import time
from types import TracebackType

import uvicorn
from fastapi import FastAPI

from app.web.runner import Server

LIMIT_S = 60.0
GRACE_SECONDS = 3


class Served:
    """`with Served(create_app(store)) as base_url:`"""

    def __init__(self, app: FastAPI, port: int = 0) -> None:
        config = uvicorn.Config(app, log_level="warning", ws="none", timeout_graceful_shutdown=GRACE_SECONDS)
        self._server = Server(config)
        self._socket = socket.create_server(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        deadline = time.monotonic() + LIMIT_S
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the server did not start")
            time.sleep(0.02)
        return self.base

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    @property
    def base(self) -> str:
        """Address of the page, with its slash."""
        return f"http://127.0.0.1:{self.port}/"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def stop(self) -> None:
        """End it before the block does."""
        self._server.should_exit = True
        self._thread.join(LIMIT_S)
        self._socket.close()
