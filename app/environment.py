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
    found: dict[str, Any] = {}
    for name in sorted(ours):  # one at a time: what cannot be read has a name; a section before its parts
        source.env_vars = {name.lower(): ours[name]}
        try:
            found = merge(found, source())
        except ValueError:
            remedy = 'write a JSON list, as ["a", "b"], or for a mapping {"a": "b"}'
            raise SettingsError(f"{name}: is not JSON; {remedy}") from None
    return found


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Both, section by section; `over` wins.  What stands where a section should stays, to be refused.

    >>> merge({"a": {"b": 1, "c": 2}, "d": None, "e": "no section"}, {"a": {"b": 3}, "d": {}, "e": {}})
    {'a': {'b': 3, 'c': 2}, 'd': {}, 'e': 'no section'}
    """
    out = dict(base)
    for name, value in over.items():
        beneath = out.get(name)
        if beneath is None or not isinstance(value, Mapping):
            out[name] = value
        elif isinstance(beneath, Mapping):
            out[name] = merge(beneath, value)
    return out


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
