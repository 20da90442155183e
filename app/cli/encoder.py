"""`encoder distil|show`: the wording table, made once from the sentence-transformers model."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.terminal import AsJson, progress, say, settings_of, show_json, show_table
from app.errors import InputError
from app.settings import EncoderSettings

if TYPE_CHECKING:
    from app.adapters.encoders import LiveEncoder
    from app.adapters.transformer import TransformerEncoder

group = typer.Typer(help="The wording table.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.add_typer(group, name="encoder")


def live_encoder(settings: EncoderSettings) -> "LiveEncoder":
    """The encoder of the settings; shows how far it is where the table must be distilled first."""
    from app.adapters.encoders import open_encoder

    if settings.meaning:
        meaning_encoder(settings)  # says what it has to say
    with progress("distilling the wording table, once", 1) as advance:
        return open_encoder(settings, _steps(advance))


def meaning_encoder(settings: EncoderSettings) -> "TransformerEncoder":
    """The transformer of the settings; says where it is not the quick one."""
    from app.adapters.transformer import transformer_of

    found = transformer_of(settings)
    if found.why_not_int8 is not None:
        say(f"the transformer runs in float32, at half the speed: {found.why_not_int8}")
    return found


@group.command()
def distil(
    ctx: typer.Context,
    out: Annotated[Path | None, typer.Option(help="File to write; default: the user's cache.")] = None,
) -> None:
    """Distil the wording table: 20-60 s, needs the extra `model`."""
    settings = settings_of(ctx).encoder
    if out is None:
        found = live_encoder(settings.model_copy(update={"table": None}))
        say(f"the wording table is in the cache; encoder {found.fingerprint}")
        return
    from app.adapters.distillation import distil as run

    with progress("distilling", 1) as advance:
        table = run(settings.model, progress=_steps(advance))
    try:
        table.save(out)
    except OSError as error:
        raise InputError(f"--out: cannot write {out} ({error.strerror}); choose another place") from error
    say(f"{out} written; set encoder.table or PROMPTDRIFT_ENCODER__TABLE to it")


@group.command("show")
def show_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Fingerprint and make of the encoder in use."""
    found = live_encoder(settings_of(ctx).encoder)
    facts: dict[str, Any] = {"encoder": found.fingerprint, "table": found.table.fingerprint}
    facts |= {name: found.table.metadata[name] for name in sorted(found.table.metadata)}
    if as_json:
        show_json(facts)
    else:
        show_table(list(facts.items()))


def _steps(advance: Any) -> Any:  # noqa: ANN401
    """From (done, total) to the part of one step that is new."""
    was = 0.0

    def step(done: int, total: int) -> None:
        nonlocal was
        if not was and not sys.stderr.isatty():
            say("distilling the wording table, once: 20-60 s")
        advance(done / total - was)
        was = done / total

    return step
