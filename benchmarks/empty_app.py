"""What FastAPI itself costs: as many bytes to an answer, as many events a second, and nothing behind them.

python -m benchmarks.empty_app PORT ANSWER_BYTES EVENT_BYTES EVENTS_A_SECOND
"""

import asyncio
import sys
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse


def create(answer_bytes: int, event_bytes: int, rate: float) -> FastAPI:
    """The application: one list of listeners, woken together, as anybody would write it first."""
    app = FastAPI()
    body, event = b"x" * answer_bytes, b"data: " + b"x" * event_bytes + b"\n\n"
    ticking = asyncio.Condition()

    @app.get("/v1/status/{application}")
    async def status(application: str) -> Response:
        return Response(body, media_type="application/json")

    @app.get("/v1/events")
    async def events() -> StreamingResponse:
        async def feed() -> AsyncIterator[bytes]:
            while True:
                async with ticking:
                    await ticking.wait()
                yield event

        return StreamingResponse(feed(), media_type="text/event-stream")

    async def tick() -> None:
        while True:
            await asyncio.sleep(1.0 / rate)
            async with ticking:
                ticking.notify_all()

    app.router.on_startup.append(lambda: app.state.__setattr__("ticker", asyncio.create_task(tick())))
    return app


if __name__ == "__main__":
    port, answer, event = map(int, sys.argv[1:4])
    uvicorn.run(create(answer, event, float(sys.argv[4])), port=port, log_level="warning", access_log=False)
