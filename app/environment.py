"""What the environment sets; a variable that means a setting and misses it is told, not passed over."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource

from app.errors import SettingsError

PREFIX = "PROMPTDRIFT_"


def read(
    settings: type[BaseSettings], environment: Mapping[str, str], *, paths: Sequence[str]
) -> dict[str, Any]:
    """What variables set, as sections; `paths` are those of all settings.

    Raises: SettingsError naming the variable and the right one.
    """
    ours = {name: value for name, value in environment.items() if name.upper().startswith(PREFIX)}
    if missed := "; ".join(_missed(settings, ours, paths)):
        raise SettingsError(missed)
    source = EnvSettingsSource(settings)
    source.env_vars = {name.lower(): value for name, value in ours.items()}
    return source()


def _missed(settings: type[BaseSettings], ours: Mapping[str, str], paths: Sequence[str]) -> Iterator[str]:
    meant = {path.replace(".", "_"): path for path in paths}
    for name, value in ours.items():
        rest = name.lower()[len(PREFIX) :]
        section, nested, _ = rest.partition("__")
        if section in settings.model_fields or _is_link(name.upper(), value):
            continue
        if nested or rest in meant:
            near = difflib.get_close_matches(rest.replace("__", "_"), meant, n=1)
            right = f"; did you mean {PREFIX}{meant[near[0]].upper().replace('.', '__')}?" if near else ""
            yield f"{name}: no such setting{right}"


def _is_link(name: str, value: str) -> bool:
    """Whether Kubernetes has put it there, for a service that is called promptdrift-api."""
    return "_SERVICE_" in name or (name.endswith("_PORT") and "://" in value)
