"""`schema list|show`: JSON Schema 2020-12 of what travels and of what users write."""

from difflib import get_close_matches
from typing import Annotated

import typer

from app.cli.terminal import AsJson, show_json, show_table
from schemas import published
from schemas.topics import CATALOGUE

FILES = {"evalset-item.v1": "one line of an eval set", "monitors.v1": "monitors as code, a YAML file"}

group = typer.Typer(help="JSON Schemas of topics and files.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.add_typer(group, name="schema")


@group.command("list")
def list_(as_json: AsJson = False) -> None:
    """Names that `schema show` knows."""
    carried = {topic.name: topic.carries for topic in CATALOGUE} | FILES
    rows = [(name, carried[name]) for name in published.SHAPES]
    if as_json:
        show_json([{"name": name, "carries": carries} for name, carries in rows])
    else:
        show_table([("NAME", "CARRIES"), *rows])


@group.command()
def show(name: Annotated[str, typer.Argument(help="interaction, deployments.v1, reading, ...")]) -> None:
    """Print one JSON Schema."""
    found = published.find(name)
    if found is None:
        near = get_close_matches(name, published.SHAPES, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else "`promptdrift schema list` names them"
        raise typer.BadParameter(f"no schema {name!r}; {hint}", param_hint="NAME")
    show_json(published.json_schema(found))
