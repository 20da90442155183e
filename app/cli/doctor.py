"""`doctor`: one line for each thing promptdrift needs, and what to do where it is not there."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from app.cli.terminal import AsJson, config_of, settings_of, show, show_json
from app.errors import (
    DependencyError,
    InputError,
    MissingTopic,
    ModelMissing,
    PromptdriftError,
    SettingsError,
)
from app.settings import (
    DEFAULT_FILE,
    CurationSettings,
    EncoderSettings,
    KafkaSettings,
    RedisSettings,
    Settings,
)

SKEW_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line: ok, warning or failed; `exit_code` is what a failure makes of the whole."""

    name: str
    state: str
    detail: str
    remedy: str = ""
    exit_code: int = 0


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command()(doctor)


def doctor(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Check settings, encoder, broker, topics, Redis, the store of eval sets and clock.

    Exit 4 where something cannot be reached, 3 where something is misconfigured.
    """
    findings = []
    for finding in examine(ctx):
        findings.append(finding)
        if not as_json:
            remedy = f" -> {finding.remedy}" if finding.remedy else ""
            show(f"{finding.state:8}{finding.name:9}{finding.detail}{remedy}")
    if as_json:
        show_json([asdict(finding) for finding in findings])
    worst = max(finding.exit_code for finding in findings)
    if worst:
        raise typer.Exit(worst)


def examine(ctx: typer.Context) -> Iterator[Finding]:
    """Every check in turn; without settings there is nothing else to check."""
    try:
        settings = settings_of(ctx)
    except SettingsError as error:
        yield _failed("settings", error)
        return
    yield _settings(config_of(ctx))
    yield _guarded("encoder", lambda: _encoder(settings.encoder))
    yield _guarded("meaning", lambda: _transformer(settings.encoder))
    yield from _broker(settings.kafka)
    yield from _redis(settings.redis)
    yield _guarded("sinks", lambda: _sinks(settings))
    yield _guarded("scorers", lambda: _evaluators(settings))
    if settings.curation.store is not None:
        yield _guarded("evalsets", lambda: _evalsets(settings.curation))
    yield from _names(settings)


def _settings(given: Path | None) -> Finding:
    file = given or Path(os.environ.get("PROMPTDRIFT_CONFIG", DEFAULT_FILE))
    detail = f"valid ({file})" if file.exists() else "valid (environment and defaults; no file)"
    return Finding(name="settings", state="ok", detail=detail)


def _guarded(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except PromptdriftError as error:
        return _failed(name, error)


def _failed(name: str, error: PromptdriftError) -> Finding:
    """The message has what is wrong before the first semicolon, and the remedy after it."""
    detail, _, remedy = str(error).partition("; ")
    unreachable = isinstance(error, DependencyError)
    code = DependencyError.exit_code if unreachable else SettingsError.exit_code
    return Finding(name=name, state="failed", detail=detail, remedy=remedy, exit_code=code)


def _encoder(settings: EncoderSettings) -> Finding:
    from app.adapters.distillation import cached_path, table_fingerprint
    from app.adapters.models import model_fingerprint, model_folder
    from app.adapters.wording import StaticTable

    if settings.table is not None:
        table = StaticTable.load(settings.table)
        return Finding(
            name="encoder", state="ok", detail=f"table {settings.table} ({table.fingerprint[:12]})"
        )
    if settings.model is not None and not Path(settings.model).expanduser().is_dir():
        detail = f"model {settings.model} comes from the hub or its cache at the first start"
        return Finding(
            name="encoder", state="warning", detail=detail, remedy="run `promptdrift encoder distil`"
        )
    path = cached_path(settings.cache_dir, table_fingerprint(model_fingerprint(model_folder(settings.model))))
    if path.is_file():
        return Finding(name="encoder", state="ok", detail=f"table in the cache ({path.name[8:20]})")
    detail = "no table yet; the first start distils it, 20-60 s"
    return Finding(
        name="encoder", state="warning", detail=detail, remedy="run `promptdrift encoder distil` beforehand"
    )


def _transformer(settings: EncoderSettings) -> Finding:
    """Nothing needs it by default: without it a finding is a warning, unless int8 was asked for."""
    from app.adapters.transformer import TransformerEncoder

    if settings.model is not None and not Path(settings.model).expanduser().is_dir():
        detail = f"model {settings.model} is looked at when it is first used"
        return Finding(name="meaning", state="ok", detail=detail)
    try:
        reason = TransformerEncoder(settings.model, precision=settings.precision).why_not_int8
    except ModelMissing as error:
        detail, _, remedy = str(error).partition(": ")
        return Finding(name="meaning", state="warning", detail=detail, remedy=remedy)
    if reason is None:
        return Finding(name="meaning", state="ok", detail="the transformer runs in int8")
    detail, _, remedy = reason.partition(": ")
    state = "ok" if settings.precision == "fp32" else "warning"
    return Finding(
        name="meaning", state=state, detail=f"the transformer runs in float32: {detail}", remedy=remedy
    )


def _sinks(settings: Settings) -> Finding:
    """Whom the notifier would tell, with the secrets that this shell has; and the monitors as code."""
    from app.adapters.monitors import load_rules
    from app.adapters.notifiers import sinks_of

    load_rules(settings.detection.monitors)
    names = [f"{sink.name} ({sink.kind})" for sink in sinks_of(settings.notify).values()]
    if names:
        return Finding(name="sinks", state="ok", detail=", ".join(names))
    remedy = (
        "set PAGERDUTY_ROUTING_KEY or notify.sinks; incidents are on their topic and the page in any case"
    )
    return Finding(name="sinks", state="warning", detail="nobody is told of incidents", remedy=remedy)


def _evaluators(settings: Settings) -> Finding:
    """Who scores live answers, with the keys that this shell has.  Nobody is called."""
    from app.adapters.evaluators import open_evaluators
    from app.adapters.expected import read_gold

    found = open_evaluators(settings.evaluation)
    read_gold(settings.evaluation.gold)
    asked = [*found.judges, *found.candidates, *found.remote]
    told = f"{len(found.table)} scorers; asked over the network: {', '.join(asked) or 'nobody'}"
    return Finding(name="scorers", state="ok", detail=told)


def _evalsets(settings: CurationSettings) -> Finding:
    """Whether the store of eval sets answers, the plan is one, and what is in force."""
    from app.adapters.evalset_files import read_plan
    from app.adapters.evalsets import EvalSets
    from app.adapters.redis_client import without_password
    from app.core.curation_history import standing

    read_plan(settings.plan)
    told = []
    for application in settings.applications or ["any"]:
        current = standing(EvalSets(settings.store or "", application).history()).current
        told.append(f"{application}: {current or 'none'}")
    in_force = f"in force: {'; '.join(told)}" if settings.applications else "for every application"
    return Finding(
        name="evalsets", state="ok", detail=f"{without_password(settings.store or '')} answers; {in_force}"
    )


def _broker(kafka: KafkaSettings) -> Iterator[Finding]:
    from app.adapters.kafka_topics import list_topics

    try:
        states = list_topics(kafka)
    except PromptdriftError as error:
        yield _failed("broker", error)
        return
    yield Finding(name="broker", state="ok", detail=f"answers at {kafka.bootstrap_servers}")
    missing = [state.name for state in states if state.state == "missing"]
    for state in states:
        for difference in state.differences:
            yield Finding(
                name="topics",
                state="warning",
                detail=f"{state.name}: {difference}",
                remedy="change it with your broker's tools, or change the settings",
            )
    if missing:
        yield Finding(
            name="topics",
            state="failed",
            detail=f"{len(missing)} of {len(states)} are missing ({', '.join(missing[:3])}, ...)",
            remedy="run `promptdrift topics create`",
            exit_code=MissingTopic.exit_code,
        )
    else:
        yield Finding(name="topics", state="ok", detail=f"all {len(states)} are there")


def _redis(settings: RedisSettings) -> Iterator[Finding]:
    from app.adapters.redis_client import connect, reaching, without_password

    url = settings.url.get_secret_value()
    shown = without_password(url)

    async def ask() -> float:
        client = connect(url)
        try:
            with reaching(shown):
                seconds, micros = await client.time()
                return float(seconds) + float(micros) / 1e6
        finally:
            await client.aclose()

    try:
        theirs = asyncio.run(ask())
    except PromptdriftError as error:
        yield _failed("redis", error)
        return
    yield Finding(name="redis", state="ok", detail=f"answers at {shown}")
    skew = time.time() - theirs
    if abs(skew) > SKEW_SECONDS:
        yield Finding(
            name="clock",
            state="warning",
            detail=f"{skew:+.0f} s from the clock of Redis",
            remedy="synchronise the clocks: a status would look stale",
        )
    else:
        yield Finding(name="clock", state="ok", detail="agrees with that of Redis")


def _names(settings: Settings) -> Iterator[Finding]:
    """Sources that map no prompt would send everything to the dead letters."""
    for source in settings.sources:
        if source.fields and not {"prompt", "messages"} & set(source.fields):
            error = InputError(
                f"sources: {source.topic} maps no prompt; add prompt or messages to its fields"
            )
            yield _failed("sources", error)
