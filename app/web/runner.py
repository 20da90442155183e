"""Serving the application, and ending it while pages are still open."""

from socket import socket

import uvicorn
from fastapi import FastAPI

GRACE_SECONDS = 3  # for what is not a feed


class Server(uvicorn.Server):
    """uvicorn's server; before it waits for open answers it ends the feeds, which never end themselves."""

    def __init__(self, app: FastAPI, *, host: str = "127.0.0.1", port: int = 8080) -> None:
        grace = GRACE_SECONDS
        super().__init__(
            uvicorn.Config(
                app, host=host, port=port, log_level="warning", ws="none", timeout_graceful_shutdown=grace
            )
        )
        self._app = app

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Stop taking requests, end the feeds, finish the rest."""
        self._app.state.closing.set()
        await super().shutdown(sockets)


def serve(app: FastAPI, *, host: str = "127.0.0.1", port: int = 8080) -> None:
    """Serve until the process is told to end."""
    Server(app, host=host, port=port).run()
