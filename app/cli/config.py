"""`config show|validate`: what the settings are, secrets left out."""

from typing import Any

import typer
import yaml

from app.cli.terminal import AsJson, config_of, say, settings_of, show, show_json
from app.settings import DEFAULT_FILE, Settings

group = typer.Typer(help="Settings as promptdrift sees them.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.add_typer(group, name="config")


@group.command("show")
def show_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Print every setting: file, environment and defaults together.  Secrets are starred."""
    known = redacted(settings_of(ctx))
    if as_json:
        show_json(known)
    else:
        show(yaml.safe_dump(known, sort_keys=False, allow_unicode=True).rstrip())


@group.command()
def validate(ctx: typer.Context) -> None:
    """Check file and environment; exit 3 and say what is wrong where something is."""
    settings_of(ctx)
    say(f"the settings are valid ({config_of(ctx) or DEFAULT_FILE}, environment, defaults)")


def redacted(settings: Settings) -> dict[str, Any]:
    """The settings as plain values that may be shown."""
    from app.adapters.redis_client import without_password

    known = settings.model_dump(mode="json")
    known["redis"]["url"] = without_password(settings.redis.url.get_secret_value())
    return known
