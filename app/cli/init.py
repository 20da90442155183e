"""`init`: a settings file to start from, and an example to replay."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from app.cli.terminal import say
from app.errors import InputError

EVENTS, EVALSET, SETTINGS = "example-events.jsonl", "example-evalset.jsonl", "promptdrift.yaml"
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
CLEAN, DRIFTED = 3500, 1500

TEMPLATE = """\
# Settings of promptdrift.  `promptdrift config show` prints all of them with their values.
# Every one can be given in the environment too: PROMPTDRIFT_DETECTION__BASELINE_EVENTS=5000.
# Passwords belong there, not here.

kafka:
  bootstrap_servers: 127.0.0.1:9092  # or KAFKA_BOOTSTRAP_SERVERS
  # security_protocol: SASL_SSL      # PLAINTEXT, SSL, SASL_PLAINTEXT
  # sasl_mechanism: SCRAM-SHA-512
  # sasl_username: promptdrift       # its password: KAFKA_SASL_PASSWORD
  # ssl_ca_location: /etc/ssl/ca.pem
  # topic_prefix: promptdrift.
  # partitions: 6                    # of interactions; fixed once there are data

redis:
  url: redis://127.0.0.1:6379/0      # or REDIS_URL

detection:
  baseline_events: 2000              # how much traffic is learned as normal
  # baseline_seconds: 86400          # or a time span
  pages_per_30_days: 1.0             # false pages you accept, per application
  # gap_tolerance: 0.2               # page when so much of traffic is outside the eval set; default never
  lateness_seconds: 30               # how late an event may come

# Topics of yours that hold interactions in a shape of your own:
# sources:
#   - topic: chat.logs
#     application: helpdesk
#     fields: {prompt: request.messages.-1.content, time: ts, user_id: user.id}

# api:
#   host: 127.0.0.1
#   port: 8080
#   token: set PROMPTDRIFT_API__TOKEN instead

# log:
#   level: INFO
#   format: console                  # json for collectors
"""


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command()(init)


def init(
    directory: Annotated[Path, typer.Argument(help="Where to write.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write promptdrift.yaml and an example: a day at a helpdesk, and the eval set it was tested on."""
    there = [name for name in (SETTINGS, EVENTS, EVALSET) if (directory / name).exists()]
    if there and not force:
        raise InputError(
            f"{directory}: {', '.join(there)} exist already; --force overwrites, or name a folder"
        )
    from app.demo.traffic import eval_items, scenario, to_jsonl
    from schemas.codec import encode

    day = scenario(seed=0, start=START, clean=CLEAN, drifted=DRIFTED)
    items = eval_items(seed=0)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / SETTINGS).write_text(TEMPLATE)
        _write(directory / EVALSET, (encode(item) + b"\n" for item in items))
        _write(directory / EVENTS, to_jsonl(day.events))
    except OSError as error:
        raise InputError(
            f"{directory}: cannot be written ({error.strerror}); choose another folder"
        ) from error
    say(f"{SETTINGS}, {EVENTS} ({len(day.events):,} events) and {EVALSET} ({len(items):,} items) written")
    say(f"try: promptdrift replay {directory / EVENTS} --eval-set {directory / EVALSET} --out out")


def _write(path: Path, lines: Iterable[bytes]) -> None:
    with path.open("wb") as stream:
        stream.writelines(lines)
