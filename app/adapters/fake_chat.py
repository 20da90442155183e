"""A server of a model to try things on: chat completions over HTTP, a judge's answers, and faults on demand.

POST /v1/chat/completions      as the protocol says; the key, if one is set, must come along
POST /score                    a scorer of somebody's own: {"score": NUMBER}

A fault script is a list with commas, one entry for each request to come, `xN` repeats it: `ok`, a status
(`503`, `429:7` with Retry-After), `slow` (no answer in time), `close`, `half` (of the body), `html`, `shape`
(JSON of another shape), `huge`; of its words: `prose`, `foreign`, `halfjson`, `nan`, `range`, `empty`.
"""

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

WORDS = {
    "prose": "I think this answer deserves a four.",
    "foreign": "Diese Antwort verdient eine Vier.",
    "halfjson": '{"reason": "good", "sco',
    "nan": '{"reason": "good", "score": NaN, "better": NaN}',
    "range": '{"reason": "good", "score": 900, "better": "all"}',
    "empty": "",
}
SHAPES = {
    "html": "<html>busy</html>",
    "shape": '{"choices": {"text": 1}}',
    "huge": "[" + "0," * (1 << 20) + "0]",
}
KINDS = "|".join(("ok", "slow", "close", "half", *SHAPES, *WORDS))
FAULT = re.compile(rf"^(?P<kind>{KINDS}|[1-5]\d\d)(:(?P<after>\d+))?(x(?P<times>\d{{1,4}}))?$")
SLOW_SECONDS = 30.0
Graded = dict[str, str]  # question, answer or first and second, expected


def length_grade(shown: Graded) -> dict[str, Any]:
    """A judge that likes length: what this server says unless it is told otherwise."""
    if "first" in shown:
        better = "first" if len(shown["first"]) > len(shown["second"]) else "second"
        return {"reason": "longer", "better": better}
    return {"reason": "by length", "score": 5 if len(shown["answer"]) > 20 else 2}


@dataclass(slots=True)
class FakeChat:
    """State and rules of the server."""

    key: str = ""
    grade: Callable[[Graded], dict[str, Any]] = length_grade
    answer: Callable[[str], str] = "You said: {}".format  # of a model that is asked for no verdict
    knows_formats: bool = True
    faults: deque[str] = field(default_factory=deque)
    requests: list[dict[str, Any]] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    url: str = ""

    def script(self, faults: str) -> None:
        """What goes wrong next.  Raises: ValueError naming what is no fault."""
        for entry in filter(None, (part.strip() for part in faults.split(","))):
            match = FAULT.match(entry)
            if match is None:
                raise ValueError(f"{entry!r} is no fault")
            kind = match["kind"] + (f":{match['after']}" if match["after"] else "")
            self.faults.extend([kind] * int(match["times"] or 1))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["FakeChat"]:
        """Listen on a loopback port of the system's choice."""
        app = web.Application(client_max_size=1 << 22)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_post("/score", self._score)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        return await self._counted(request, self._completion)

    async def _score(self, request: web.Request) -> web.StreamResponse:
        return await self._counted(request, lambda body, words: words or json.dumps({"score": 0.5}))

    async def _counted(
        self, request: web.Request, answer: Callable[[dict[str, Any], str | None], str]
    ) -> web.StreamResponse:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            body = await request.json()
            self.requests.append(body)
            await asyncio.sleep(0)
            return await self._answered(request, body, answer)
        finally:
            self.under_way -= 1

    async def _answered(
        self, request: web.Request, body: dict[str, Any], answer: Callable[[dict[str, Any], str | None], str]
    ) -> web.StreamResponse:
        if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.json_response({"error": {"message": "no such key"}}, status=401)
        if "response_format" in body and not self.knows_formats:
            return web.json_response({"error": {"message": "unknown field response_format"}}, status=400)
        kind, _, after = (self.faults.popleft() if self.faults else "ok").partition(":")
        if kind.isdigit():
            headers = {"Retry-After": after} if after else {}
            return web.json_response({"error": {"message": "fault"}}, status=int(kind), headers=headers)
        if kind in ("slow", "close"):
            await asyncio.sleep(SLOW_SECONDS if kind == "slow" else 0)
            return await _gone(request)
        text = SHAPES.get(kind) or answer(body, WORDS.get(kind))
        if kind == "half":
            out = web.StreamResponse(headers={"Content-Length": str(len(text) * 2)})
            await out.prepare(request)
            await out.write(text.encode())
            return await _gone(request)
        return web.Response(text=text, content_type="application/json")

    def _completion(self, body: dict[str, Any], words: str | None) -> str:
        shown = next(m["content"] for m in body["messages"] if m["role"] == "user")
        content = words if words is not None else self._content(shown)
        tokens = sum(len(message["content"]) for message in body["messages"]) // 4
        return json.dumps(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "model": body["model"],
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "message": {"role": "assistant", "content": content},
                    }
                ],
                "usage": {"prompt_tokens": tokens, "completion_tokens": 20, "total_tokens": tokens + 20},
            }
        )

    def _content(self, shown: str) -> str:
        try:
            return json.dumps(self.grade(json.loads(shown)))
        except (ValueError, KeyError):
            return self.answer(shown)


async def _gone(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)  # nobody reads it
