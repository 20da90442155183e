"""Models over the chat-completions protocol of OpenAI, which most servers of models speak.

POST BASE_URL/chat/completions {model, messages, max_tokens, temperature, response_format}
The key stands in the environment or in a file.  Money is reserved before each attempt and settled after it,
so that the cap of the day holds however many calls are under way, and however often they are repeated.
"""

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from app.adapters.calls import Caller, Failure, Limits
from app.core.spending import Purse
from app.errors import SettingsError

CACHED = 4096  # answers
CHARACTERS_A_TOKEN = 2.0  # guessed low, so that what is reserved is enough
BILLED = ("slow", "malformed")  # attempts that failed so may have cost what was reserved
Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A model somewhere.  Prices are per million tokens; without them nothing is spent."""

    base_url: str
    model: str
    key_env: str | None = None
    key_file: Path | None = None
    price_in: float = 0.0
    price_out: float = 0.0
    spend_per_day: float | None = None
    max_tokens: int = 300
    temperature: float = 0.0
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not self.base_url.startswith(("http://", "https://")):
            raise SettingsError(f"base_url: {self.base_url!r} must begin with http:// or https://")

    def key(self, environment: Mapping[str, str] = os.environ) -> str:
        """The key, empty where none is asked for.  Raises: SettingsError naming what is missing."""
        if self.key_file is not None:
            try:
                return self.key_file.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(
                    f"key_file: {self.key_file} cannot be read ({type(error).__name__})"
                ) from None
        if self.key_env is None:
            return ""
        found = environment.get(self.key_env, "").strip()
        if not found:
            raise SettingsError(f"key_env: the variable {self.key_env} is not set")
        return found


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model said, what it cost, and which model says that it spoke."""

    text: str
    cost: float
    model: str | None = None
    cached: bool = False
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Said(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Said
    finish_reason: str | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice]
    model: str | None = None
    usage: _Usage | None = None


@dataclass(slots=True)
class _Bill:
    """What the attempts of a call may cost: each is reserved on the day on which it is made."""

    purse: Purse
    name: str
    price: float
    cap: float | None
    today: Callable[[], str]
    lost: int = 0  # attempts that were made again
    day: str = ""  # of the last one

    def reserve(self) -> bool:
        """Whether there is money for an attempt now."""
        self.day = self.today()
        return self.purse.reserve(self.name, self.price, cap=self.cap, day=self.day)

    def again(self, failure: Failure) -> bool:
        """Whether there is money for another attempt."""
        if failure.kind not in BILLED:
            return True  # what was reserved is still there
        reserved = self.reserve()
        self.lost += reserved
        return reserved


class Chat:
    """One endpoint.  Failures are values; the same question is asked once, as long as it is remembered."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        environment: Mapping[str, str] = os.environ,
        caller: Caller | None = None,
        today: Callable[[], str] = lambda: datetime.now(UTC).date().isoformat(),
    ) -> None:
        key = endpoint.key(environment)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.endpoint = endpoint
        self.caller = caller or Caller(limits=endpoint.limits)
        self.caller.headers = headers
        self._url = endpoint.base_url.rstrip("/") + "/chat/completions"
        self._today, self._purse, self._name = today, Purse.whole(), ""
        self._cache: OrderedDict[bytes, Completion] = OrderedDict()
        self._formats = True  # whether the server knows response_format

    def charge(self, purse: Purse, name: str) -> None:
        """Spend from this purse, under this name, from now on."""
        self._purse, self._name = purse, name

    @property
    def spent(self) -> float:
        """Money of the present day, of the shares that this process holds."""
        return self._purse.spent(self._name, self._today())

    async def complete(
        self, messages: Messages, *, schema: Mapping[str, Any] | None = None
    ) -> Completion | Failure:
        """Ask; `schema` is the JSON Schema that the answer should have, where the server can see to it."""
        name = self._question(messages, schema)
        if name in self._cache:
            self._cache.move_to_end(name)
            known = self._cache[name]
            return replace(known, cost=0.0, cached=True)
        reserved = self.price(messages, schema=schema)
        bill = _Bill(self._purse, self._name, reserved, self.endpoint.spend_per_day, self._today)
        if not bill.reserve():
            return Failure("spent", "the cap of the day is reached")
        cost = 0.0  # of the last attempt
        try:
            found = await self._asked(messages, schema, bill.again)
            cost = reserved if isinstance(found, Failure) and found.kind in BILLED else 0.0
            if isinstance(found, Failure):
                return replace(found, cost=cost + bill.lost * reserved)
            answer, cost = self._read(found, reserved)
        finally:
            self._purse.correct(self._name, cost - reserved, day=bill.day)
        answer = replace(answer, cost=cost + bill.lost * reserved)
        if isinstance(answer, Completion):
            self._cache[name] = answer
            while len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        return answer

    def price(self, messages: Messages, *, schema: Mapping[str, Any] | None = None) -> float:
        """What an answer may cost at the most, in money, about."""
        length = len(msgspec.json.encode([messages, schema]))
        return self._price(length / CHARACTERS_A_TOKEN, self.endpoint.max_tokens)

    def forget(self, messages: Messages, *, schema: Mapping[str, Any] | None = None) -> None:
        """Ask anew next time: the answer was of no use."""
        self._cache.pop(self._question(messages, schema), None)

    async def close(self) -> None:
        """Give the connections back."""
        await self.caller.close()

    async def _asked(
        self, messages: Messages, schema: Mapping[str, Any] | None, again: Callable[[Failure], bool]
    ) -> dict[str, Any] | Failure:
        body: dict[str, Any] = {
            "model": self.endpoint.model,
            "messages": messages,
            "max_tokens": self.endpoint.max_tokens,
            "temperature": self.endpoint.temperature,
        }
        if schema is None or not self._formats:
            return await self.caller.post(self._url, body, again=again)
        wanted = {
            "type": "json_schema",
            "json_schema": {"name": "verdict", "strict": True, "schema": schema},
        }
        found = await self.caller.post(self._url, {**body, "response_format": wanted}, again=again)
        if isinstance(found, Failure) and found.status in (400, 422):
            plain = await self.caller.post(self._url, body, again=again)
            self._formats = isinstance(plain, Failure)  # it was the format, if it goes well without
            return plain
        return found

    def _read(self, found: dict[str, Any], reserved: float) -> tuple[Completion | Failure, float]:
        try:
            answer = msgspec.convert(found, _Answer)
            text = answer.choices[0].message.content or ""
        except (msgspec.ValidationError, IndexError):
            return Failure("malformed", "the answer is no chat completion"), reserved
        usage = answer.usage
        cost = self._price(usage.prompt_tokens, usage.completion_tokens) if usage else reserved
        said = Completion(text, max(cost, 0.0), answer.model, finish_reason=answer.choices[0].finish_reason)
        return said, said.cost

    def _question(self, messages: Messages, schema: Mapping[str, Any] | None) -> bytes:
        return hashlib.sha256(msgspec.json.encode([self.endpoint.model, messages, schema])).digest()

    def _price(self, tokens_in: float, tokens_out: float) -> float:
        return (tokens_in * self.endpoint.price_in + tokens_out * self.endpoint.price_out) / 1e6
