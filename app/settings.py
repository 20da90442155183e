"""Every setting, validated once: command line over environment over file over default.

Environment: `PROMPTDRIFT_` + path with `__` (PROMPTDRIFT_DETECTION__BASELINE_EVENTS=2000).  What people
already have is taken too: KAFKA_BOOTSTRAP_SERVERS and friends, REDIS_URL.  File: `promptdrift.yaml`.
"""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.environment import PREFIX, merge, read
from app.errors import SettingsError
from app.evaluation_settings import EvaluationSettings
from app.section import Section

DEFAULT_FILE = "promptdrift.yaml"
FAMILIAR = {
    "KAFKA_BOOTSTRAP_SERVERS": ("kafka", "bootstrap_servers"),
    "KAFKA_SECURITY_PROTOCOL": ("kafka", "security_protocol"),
    "KAFKA_SASL_MECHANISM": ("kafka", "sasl_mechanism"),
    "KAFKA_SASL_USERNAME": ("kafka", "sasl_username"),
    "KAFKA_SASL_PASSWORD": ("kafka", "sasl_password"),
    "KAFKA_SSL_CA_LOCATION": ("kafka", "ssl_ca_location"),
    "REDIS_URL": ("redis", "url"),
    "LOG_LEVEL": ("log", "level"),
    "LOG_FORMAT": ("log", "format"),
}


class KafkaSettings(Section):
    """Where the broker is and how to speak to it."""

    bootstrap_servers: str = "127.0.0.1:9092"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_ca_location: Path | None = None
    topic_prefix: str = "promptdrift."
    replication_factor: int = Field(default=-1, ge=-1, description="-1: the broker's own default")
    partitions: int = Field(default=6, ge=1, le=256, description="of interactions and state")
    session_timeout_seconds: float = Field(default=30.0, ge=2.0)


class SourceSettings(Section):
    """A topic of yours with interactions in it.

    `fields` maps our field names to dotted paths of yours: {prompt: request.text, time: ts}.
    """

    topic: str
    application: str | None = None
    fields: dict[str, str] = {}


class RedisSettings(Section):
    """The live status store."""

    url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")


class EncoderSettings(Section):
    """The eyes.  Nothing is downloaded unless `model` is a hub name."""

    table: Path | None = Field(default=None, description="wording table made by `promptdrift encoder distil`")
    model: str | None = Field(default=None, description="local path or hub name; default all-MiniLM-L6-v2")
    cache_dir: Path | None = None
    meaning: bool = Field(default=False, description="the transformer reads every prompt, too")
    precision: Literal["auto", "int8", "fp32"] = Field(default="auto", description="of the transformer")
    threads: int = Field(default=1, ge=1, le=256, description="of the transformer")
    memory_bytes: int = Field(default=64 * 2**20, ge=0, description="of transformer vectors kept by text")


class DetectionSettings(Section):
    """What normal is and how often a false page may come."""

    baseline_events: int = Field(default=2000, ge=100)
    baseline_seconds: float | None = Field(default=None, gt=0)
    pages_per_30_days: float = Field(default=1.0, gt=0, le=1000)
    session_seconds: float | None = Field(default=None, ge=0, description="None: as the baseline demands")
    text_horizon_seconds: float = Field(default=3600.0, ge=0)
    lateness_seconds: float = Field(default=30.0, ge=0)
    samples_per_second: float = Field(default=50.0, gt=0)
    gap_tolerance: float | None = Field(default=None, gt=0, lt=1, description="uncovered share that pages")
    monitors: Path | None = Field(default=None, description="monitors as code, a YAML file")
    responses: bool = Field(default=True, description="watch responses too, where there are any")
    watches: dict[str, Path] = Field(default={}, description="of your own: name -> file of examples")
    mute: list[str] = Field(default=[], description="eyes and watches that raise no alarm")
    seed: int = Field(default=0, ge=0)


class WorkerSettings(Section):
    """Micro-batches, checkpoints, health port."""

    group: str = "promptdrift"
    batch_events: int = Field(default=256, ge=1, le=4096)
    linger_seconds: float = Field(default=0.2, gt=0, le=5)
    checkpoint_seconds: float = Field(default=2.0, gt=0, le=60)
    idle_seconds: float = Field(default=5.0, gt=0)
    shed_after_seconds: float | None = Field(default=None, gt=0, description="None: never")
    silence_seconds: float = Field(default=300.0, gt=0)
    host: str = "127.0.0.1"
    port: int = Field(default=6066, ge=0, le=65535, description="0: no health port")
    user_salt: SecretStr = SecretStr("")


class SinkSettings(Section):
    """Somebody to tell.  Secrets stand in the environment or in a file, never here.

    The secret is the routing key of PagerDuty, the URL of a Slack webhook, what a webhook is signed with.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    kind: Literal["pagerduty", "slack", "webhook", "log"]
    secret_env: str | None = None
    secret_file: Path | None = None
    url: str | None = Field(default=None, pattern=r"^https?://", description="of a webhook")
    region: Literal["us", "eu"] = "us"
    severity: Literal["warning", "critical"] = "warning"
    changes: bool = True


class NotifySettings(Section):
    """Who is told of incidents, and how."""

    sinks: list[SinkSettings] = []
    page_url: str | None = Field(default=None, pattern=r"^https?://")
    examples: bool = False
    dry_run: bool = False
    per_minute: float = Field(default=100.0, gt=0, le=10_000)
    retry_seconds: float = Field(default=2.0, gt=0, le=60)
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    ca_file: Path | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=6067, ge=0, le=65535, description="0: no health port")


class HealthSettings(Section):
    """When the pipeline itself is in trouble."""

    stalled_seconds: float = Field(default=40.0, ge=5, le=3600)
    behind_seconds: float = Field(default=600.0, gt=0)
    store_seconds: float = Field(default=60.0, gt=0)
    dead_letter_share: float = Field(default=0.05, gt=0, le=1)
    unscored_share: float = Field(default=0.2, gt=0, le=1)


class ApiSettings(Section):
    """The status endpoint and page."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    token: SecretStr | None = None
    webhook_secret: SecretStr | None = None
    stale_seconds: float = Field(default=120.0, gt=0)
    fresh_seconds: float = Field(default=0.25, ge=0, le=10)
    listeners: int = Field(default=2000, ge=1, le=50_000)
    requests_per_second: float = Field(default=200.0, ge=0, description="of one address; 0: no limit")
    cors_origins: list[str] = []

    @field_validator("token", "webhook_secret")
    @classmethod
    def _secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().strip():
            raise ValueError("is empty, which keeps nobody out; give a secret, or leave the setting out")
        return value


class CurationSettings(Section):
    """Versions of the eval set that are built from live traffic; by themselves where there is a store."""

    store: str | None = None
    plan: Path | None = None
    every_days: float = Field(default=7.0, ge=0.01, le=366)
    applications: list[str] = []
    most_samples: int = Field(default=10_000, ge=1)
    seed: int = Field(default=0, ge=0)


class LogSettings(Section):
    """Logs never hold prompt text."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["json", "console"] = "json"


class Settings(BaseSettings):
    """All settings.  Build with `load`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    encoder: EncoderSettings = EncoderSettings()
    detection: DetectionSettings = DetectionSettings()
    sources: list[SourceSettings] = []
    worker: WorkerSettings = WorkerSettings()
    notify: NotifySettings = NotifySettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    curation: CurationSettings = CurationSettings()
    health: HealthSettings = HealthSettings()
    api: ApiSettings = ApiSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What it is given and nothing else: `load` merges every source, the command line above all."""
        return (init_settings,)


def load(
    file: Path | None = None,
    overrides: dict[str, Any] | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """Read the settings; `overrides` (from the command line) win over everything.

    Raises: SettingsError naming the setting and the remedy.
    """
    named = environment.get("PROMPTDRIFT_CONFIG")
    path = file or (Path(named) if named else None)
    merged = _read_file(path if path is not None else Path(DEFAULT_FILE), required=path is not None)
    for variable, (section, name) in FAMILIAR.items():
        if environment.get(variable):
            merged = merge(merged, {section: {name: environment[variable]}})
    merged = merge(merged, read(Settings, environment, paths=_names(Settings)))
    merged = merge(merged, overrides or {})
    try:
        return Settings(**merged)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def _read_file(path: Path, *, required: bool) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        if required:
            raise SettingsError(f"--config: {path} does not exist; `promptdrift init` writes one") from None
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(
            f"{path}: is not readable YAML in UTF-8 ({type(error).__name__}); mend or remove it"
        ) from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise SettingsError(f"{path}: must be a mapping of sections such as kafka, redis, detection")
    known = Settings.model_fields  # of a section all lines may be comments
    return {str(name): value for name, value in found.items() if value is not None or name not in known}


def _explain(error: ValidationError) -> str:
    """One line per problem: the setting, what is wrong, and the nearest known name."""
    lines = []
    for problem in error.errors():
        path = ".".join(str(part) for part in problem["loc"])
        told = problem["msg"].removeprefix("Value error, ")
        line = f"{path}: {told[0].lower()}{told[1:]}"
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(path, _names(Settings), n=1, cutoff=0.5)
            line = f"{path}: no such setting" + (f"; did you mean {near[0]}?" if near else "")
        lines.append(line)
    return "; ".join(lines)


def _names(model: type[BaseModel], prefix: str = "") -> list[str]:
    names: list[str] = []
    for name, field in model.model_fields.items():
        names.append(prefix + name)
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names += _names(kind, f"{prefix}{name}.")
    return names
