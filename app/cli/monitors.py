"""`monitors validate|list|test`: monitors as code, before they hold."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from app.cli.terminal import AsJson, say, settings_of, show_json, show_table
from app.errors import InputError

if TYPE_CHECKING:
    from schemas.readings import Reading

group = typer.Typer(help="Monitors as code.", no_args_is_help=True)
File = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Default detection.monitors.")]


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.add_typer(group, name="monitors")


@group.command()
def validate(ctx: typer.Context, file: File = None) -> None:
    """Check a file of monitors; exit 5 and say where something is wrong."""
    from app.adapters.monitors import read_monitors

    settings = settings_of(ctx)
    path = file or settings.detection.monitors
    if path is None:
        say("no file of monitors: the defaults hold (detection.monitors names one)")
        return
    monitors = read_monitors(path)
    known = {sink.name for sink in settings.notify.sinks} | {"pagerduty", "slack"}
    for i, monitor in enumerate(monitors):
        for name in monitor.sinks or ():
            if name not in known:
                place, there = f"{path}: monitors[{i}].sinks", ", ".join(sorted(known))
                raise InputError(f"{place}: no sink {name!r}; notify.sinks has {there}")
    say(f"{path}: {len(monitors)} entries are valid")


@group.command("list")
def list_(
    ctx: typer.Context,
    file: File = None,
    application: Annotated[str, typer.Option(help="Whose rules to show.")] = "any-application",
    as_json: AsJson = False,
) -> None:
    """Show what holds for an application, defaults included, monitor by monitor."""
    from app.adapters.tuning import monitor_settings

    detection = settings_of(ctx).detection
    path = file or detection.monitors
    whole = monitor_settings(detection.model_copy(update={"monitors": path}))
    mine = whole.of(application)
    rules = {name: asdict(whole.rules.of(application, name)) for name in ("change", "gap", "responses")}
    rules["gap"]["tolerance"] = mine.gap_tolerance
    if as_json:
        show_json(msgspec.to_builtins({"application": application, "monitors": rules}))
        return
    names = list(next(iter(rules.values())))
    rows = [(name, *(_cell(rules[monitor][name]) for monitor in rules)) for name in names]
    show_table([("", *(monitor.upper() for monitor in rules)), *rows])
    say(f"at most {mine.baseline.pages_per_30_days:g} false pages in 30 days by each monitor that may page")


@group.command("test")
def try_out(
    ctx: typer.Context,
    readings: Annotated[Path, typer.Argument(help="readings.jsonl of a replay.")],
    file: Annotated[Path | None, typer.Option("--monitors", help="Default detection.monitors.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what would have been told, had these monitors held over the readings of a replay."""
    from app.adapters.monitors import load_rules
    from app.core.incidents import Incidents

    incidents = Incidents(load_rules(file or settings_of(ctx).detection.monitors))
    alerts = [alert for reading in _read(readings) for alert in incidents.decide(reading)]
    if as_json:
        show_json(msgspec.to_builtins(alerts))
        return
    rows = [
        (
            f"{alert.updated_at:%Y-%m-%d %H:%M}",
            alert.transition + (" (muted)" if alert.muted else ""),
            alert.severity,
            ", ".join(alert.sinks or ["all sinks"]),
            alert.summary,
        )
        for alert in alerts
    ]
    show_table([("TIME", "TRANSITION", "SEVERITY", "SINKS", "SUMMARY"), *rows])
    say(f"{len({alert.incident for alert in alerts})} incidents, {len(alerts)} transitions")


def _cell(value: Any) -> str:  # noqa: ANN401  any field of a rule
    if value in (None, [], {}):
        return "-"
    if isinstance(value, list) and value and isinstance(value[0], msgspec.Struct):
        return f"{len(value)}"
    return str(value)


def _read(path: Path) -> Iterator["Reading"]:
    from schemas.readings import Reading

    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    for number, line in enumerate(lines, 1):
        try:
            yield msgspec.json.decode(line, type=Reading)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path}:{number}: is no reading; give readings.jsonl of a replay") from error
