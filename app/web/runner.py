"""Serving the application, and ending it while pages are still open."""

import gc
from socket import socket

import uvicorn
from fastapi import FastAPI


class Server(uvicorn.Server):
    """uvicorn's server for `create_app`: before it waits for open answers it ends the feeds.

    A feed never ends by itself; cut off after the grace period it would leave a traceback in the log.
    """

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Begin to listen.  What is loaded by now stays: to search it for garbage holds up everybody."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Stop taking requests, end the feeds, finish the rest."""
        app = self.config.app
        if isinstance(app, FastAPI):
            app.state.hub.close()
        await super().shutdown(sockets)
