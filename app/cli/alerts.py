"""`alerts list|tail|acknowledge|close|test`: incidents from the topics, and answers to them."""

import secrets
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from app.cli.terminal import AsJson, plain, say, settings_of, show, show_json, show_table
from app.errors import DependencyError
from app.settings import KafkaSettings

if TYPE_CHECKING:
    from schemas.decisions import Alert

TEST_APPLICATION = "promptdrift-test"

group = typer.Typer(help="Incidents, as the topics tell them.", no_args_is_help=True)
Incident = Annotated[str, typer.Argument(help="Its id, or the beginning of it.")]
By = Annotated[str | None, typer.Option(help="Who says so; default nobody in particular.")]
Note = Annotated[str | None, typer.Option(help="Why.")]
Application = Annotated[str | None, typer.Option(help="Only of this application.")]


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.add_typer(group, name="alerts")


@group.command("list")
def list_(
    ctx: typer.Context,
    application: Application = None,
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show open incidents, the newest last."""
    from app.adapters.subscription import latest

    found = [
        alert
        for alert in latest(settings_of(ctx).kafka)
        if application in (None, alert.application) and (everything or alert.state == "firing")
    ]
    if as_json:
        show_json(msgspec.to_builtins(found))
        return
    rows = [
        (
            alert.incident,
            alert.application,
            _state(alert),
            alert.severity,
            f"{alert.started_at:%Y-%m-%d %H:%M}",
            alert.summary,
        )
        for alert in found
    ]
    show_table([("INCIDENT", "APPLICATION", "STATE", "SEVERITY", "SINCE", "SUMMARY"), *rows])
    say(f"{len(found)} incidents")


@group.command()
def tail(
    ctx: typer.Context,
    application: Application = None,
    severity: Annotated[str | None, typer.Option(help="Only warning, or only critical.")] = None,
    past: Annotated[bool, typer.Option("--past", help="Begin with what the topic still has.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many.")] = None,
    as_json: AsJson = False,
) -> None:
    """Follow transitions as they come, by their headers; Ctrl-C ends it.  --json: one line each."""
    from app.adapters import subscription

    wanted = {"application": application, "severity": severity}
    asked = {name: value.encode() for name, value in wanted.items() if value is not None}

    def fits(headers: dict[str, bytes]) -> bool:
        return all(headers.get(name) == value for name, value in asked.items())

    for number, alert in enumerate(subscription.tail(settings_of(ctx).kafka, past=past, wanted=fits), 1):
        if as_json:
            show(msgspec.json.encode(alert).decode())
        else:
            show(
                plain(f"{alert.updated_at:%H:%M:%S}  {alert.severity:8}  {_state(alert):12}  {alert.summary}")
            )
        if number == limit:
            return


@group.command()
def acknowledge(
    ctx: typer.Context,
    incident: Incident,
    by: By = None,
    note: Note = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back.")] = False,
) -> None:
    """Say that somebody looks after an incident: reminders and escalation stop."""
    _answer(ctx, incident, "unacknowledge" if undo else "acknowledge", by=by, note=note)


@group.command()
def close(ctx: typer.Context, incident: Incident, by: By = None, note: Note = None) -> None:
    """End an incident by hand; what it rests on makes no new one until it was clean."""
    _answer(ctx, incident, "resolve", by=by, note=note)


@group.command("test")
def try_out(
    ctx: typer.Context,
    application: Annotated[str, typer.Option(help="Under whose name.")] = TEST_APPLICATION,
    sink: Annotated[list[str] | None, typer.Option(help="Only this sink; default all.")] = None,
    seconds: Annotated[float, typer.Option(min=1, max=600, help="How long to wait.")] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Send a marked test incident over the topic and the notifier to every sink, and end it.

    Exit 4 where a sink did not take it in time, or no notifier runs.
    """
    kafka = settings_of(ctx).kafka
    opened = _test_alert(application, sink or None)
    _send(kafka, opened)
    say(f"test incident {opened.incident} opened; waiting for the notifier")
    try:
        told = _told(kafka, opened.incident, seconds)
    finally:
        _send(kafka, _ended(opened))
    if as_json:
        show_json([msgspec.to_builtins(each) for each in told.values()])
    else:
        rows = [(d.sink, d.action, d.outcome, d.status or "-", d.reason or "") for d in told.values()]
        show_table([("SINK", "ACTION", "OUTCOME", "STATUS", "REASON"), *rows])
    bad = sorted(name for name, d in told.items() if d.outcome not in ("sent", "dry run"))
    if not told:
        raise DependencyError(
            f"nobody was told within {seconds:g} s: is `promptdrift notifier` running, and has it a sink?"
        )
    if bad:
        raise DependencyError(f"not told: {', '.join(bad)}; the reasons stand above")


def _told(kafka: KafkaSettings, incident: str, seconds: float) -> dict[str, Any]:
    """The last attempt of each sink; waits a moment more for others once one has answered."""
    import time

    from app.adapters.subscription import deliveries

    told: dict[str, Any] = {}
    began, answered = time.monotonic(), None
    for delivery in deliveries(kafka, incident, seconds):
        if delivery is not None:
            told[delivery.sink] = delivery
            answered = time.monotonic()
        settled = told and all(d.outcome != "retry" for d in told.values())
        if settled and answered is not None and time.monotonic() - answered > min(2.0, seconds / 4):
            break
    say(f"{len(told)} sinks answered within {time.monotonic() - began:.1f} s")
    return told


def _test_alert(application: str, sinks: list[str] | None) -> "Alert":
    from app.adapters.subscription import now
    from schemas.decisions import Alert

    at = now()
    incident = secrets.token_hex(12)
    return Alert(
        alert_id=f"{incident}-opened",
        incident=incident,
        application=application,
        monitor="test",
        kind="test",
        state="firing",
        severity="warning",
        transition="opened",
        started_at=at,
        detected_at=at,
        updated_at=at,
        summary=f"TEST of promptdrift, nothing is wrong: {application}",
        sinks=sinks,
    )


def _ended(alert: "Alert") -> "Alert":
    from app.adapters.subscription import now

    at = now()
    return msgspec.structs.replace(
        alert,
        alert_id=f"{alert.incident}-resolved",
        transition="resolved",
        state="resolved",
        updated_at=at,
        ended_at=at,
    )


def _send(kafka: KafkaSettings, alert: "Alert") -> None:
    from app.adapters.subscription import send_alert

    send_alert(kafka, alert)


def _answer(ctx: typer.Context, incident: str, action: str, *, by: str | None, note: str | None) -> None:
    from app.adapters import subscription
    from schemas.decisions import Acknowledgement

    kafka = settings_of(ctx).kafka
    alert = subscription.find(kafka, incident)
    facts = {
        "application": alert.application,
        "incident": alert.incident,
        "time": subscription.now(),
        "action": action,
        "by": by,
        "note": note,
    }
    subscription.answer(kafka, msgspec.convert(facts, Acknowledgement))
    say(f"{alert.incident} of {alert.application}: {action} was sent")


def _state(alert: "Alert") -> str:
    if alert.state == "resolved":
        return "resolved"
    words = (("unknown", alert.unknown), ("muted", alert.muted), ("acknowledged", alert.acknowledged_at))
    return next((word for word, holds in words if holds), alert.transition or "firing")
