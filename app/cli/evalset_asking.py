"""What `evalset run` and `evalset probe` share: who is asked, who scores, where rows go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.encoder import live_encoder
from app.cli.inputs import tell_unreadable
from app.cli.terminal import say
from app.errors import ModelMissing
from app.evaluation_settings import CandidateSettings
from app.settings import Settings

if TYPE_CHECKING:
    from app.adapters.evaluations import Rows
    from app.adapters.evaluators import Candidate, Evaluators
    from app.adapters.questions import Asked
    from app.core.evalrun import Question


Model = Annotated[str | None, typer.Option(help="As the endpoint calls it; of a file: whose answers.")]
Deployment = Annotated[str | None, typer.Option(help="Id of the deployment that is asked.")]
Out = Annotated[Path | None, typer.Option(help="JSONL file that rows are added to, instead of the topic.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The options that say who is asked, how, at what price, and where rows go."""

    model: Model = None
    deployment: Deployment = None
    system: Annotated[Path | None, typer.Option(help="File with the system prompt to ask under.")] = None
    scorer: Annotated[
        list[str] | None,
        typer.Option("--scorer", metavar="NAME", help="Or package.module:function; repeatable."),
    ] = None
    out: Out = None
    key_env: Annotated[str | None, typer.Option(help="Variable that holds the key of the endpoint.")] = None
    price_in: Annotated[float, typer.Option(min=0, help="Money per million tokens asked.")] = 0.0
    price_out: Annotated[float, typer.Option(min=0, help="Money per million tokens answered.")] = 0.0
    spend: Annotated[float | None, typer.Option(min=1e-9, help="Money at the most; needs the prices.")] = None
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Questions under way at once.")] = 8
    per_minute: Annotated[float, typer.Option(min=1, help="Questions a minute at the most.")] = 300.0

    def candidate(self, url: str | None, application: str, settings: Settings) -> "Candidate":
        """The endpoint; without a URL that of the settings.  Raises: BadParameter, SettingsError."""
        from app.adapters.evaluators import open_candidate

        if url is None:
            found = next((each for each in settings.evaluation.targets if each.name == application), None)
            if found is None:
                problem = f"give one, or set evaluation.targets for {application}"
                raise typer.BadParameter(problem, param_hint="--target")
            return open_candidate(found)
        if not self.model:
            raise typer.BadParameter("name the model that the endpoint is asked for", param_hint="--model")
        if self.spend is not None and not self.price_in + self.price_out:
            raise typer.BadParameter("without prices nothing is spent; give them", param_hint="--price-out")
        return open_candidate(
            CandidateSettings(
                name="target",
                base_url=url,
                model=self.model,
                system_file=self.system,
                key_env=self.key_env,
                price_in=self.price_in,
                price_out=self.price_out,
                spend_per_day=self.spend,
                concurrency=self.concurrency,
                per_minute=self.per_minute,
            )
        )


def asks(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `Asking`; it takes them as `asking`."""
    own = {name: p for name, p in signature(command, eval_str=True).parameters.items() if name != "asking"}
    shared = signature(Asking, eval_str=True).parameters
    taken = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in (*own.values(), *shared.values())]

    @wraps(command)
    def asked(**given: Any) -> None:  # noqa: ANN401  values of options
        asking = Asking(**{name: given.pop(name) for name in shared})
        command(**given, asking=asking)

    asked.__signature__ = Signature(taken)  # type: ignore[attr-defined]  # what Typer reads
    return asked


def is_url(target: str) -> bool:
    """Whether a target is asked over the network."""
    return target.startswith(("http://", "https://"))


def scoring_of(names: Sequence[str] | None, settings: Settings) -> "Evaluators":
    """Scorers by their names, else those of the settings and those that need an expected answer; judges.

    Raises: SettingsError, InputError.
    """
    from app.adapters.evaluators import open_evaluators
    from app.adapters.scoring import OF_THE_EXPECTED

    live = settings.evaluation
    wanted = list(names or dict.fromkeys((*live.scorers, *OF_THE_EXPECTED)))
    return open_evaluators(live.model_copy(update={"scorers": wanted, "candidates": []}))


def rows_at(out: Path | None, settings: Settings) -> "Rows":
    """Where rows go."""
    from app.adapters.evaluations import FileRows, TopicRows

    return TopicRows(settings.kafka) if out is None else FileRows(out)


def asked_of(application: str, version: str, *, eval_set: Path | None, store: str) -> "Asked":
    """The set that options name.  Raises: InputError, DependencyError."""
    from app.adapters.questions import of_file, of_version

    if eval_set is None:
        return of_version(store, application, version)
    found = of_file(eval_set)
    tell_unreadable(eval_set, found.unreadable)
    return found


def stratified(questions: "list[Question]", found: "Asked", settings: Settings) -> "list[Question]":
    """Questions of a set, each with the cluster that live traffic has for it.

    Without the model that the encoder is made from there are no clusters, and a run needs none.
    """
    try:
        encoder = live_encoder(settings.encoder)
    except ModelMissing:
        say("no strata: the encoder needs the extra `model`")
        return questions
    return found.placed(questions, encoder)
