"""Deployments as others tell of them: our own JSON, CDEvents, GitHub's webhooks.

https://github.com/cdevents/spec (service deployed, upgraded, rolledback: 0.5), and the events
`deployment_status` and `ping` of GitHub's webhooks.  What says nothing of an application's traffic is
ignored with its reason, never refused: senders repeat what is refused.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

import msgspec

from app.core.releases import ENDED as ENDED  # the page imports no core
from app.core.releases import told_before as told_before
from schemas.codec import Rejection, SchemaError, decode, read_object, to_event
from schemas.events import Deployment

SIGNATURE = "x-hub-signature-256"
AHEAD = timedelta(minutes=5)  # clocks differ by less
LIVE = ("production", "prod", "live")  # environments whose users we see, where none is named
GITHUB_STATES = {
    "in_progress": "started",
    "success": "succeeded",
    "failure": "failed",
    "error": "failed",
}
CDEVENTS = {"deployed": "succeeded", "upgraded": "succeeded", "rolledback": "rolled_back"}
CDEVENT = re.compile(r"dev\.cdevents\.(\w+)\.(\w+)\.")
OURS = ("deployment_id", "version", "kind", "variant", "traffic_percent", "summary", "actor", "application")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one request told: deployments, and why others of it are none.

    `restored` names the version that a rollback went back to, where what was taken back is not said.
    """

    deployments: list[Deployment] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    restored: str | None = None


def signed(secret: str, body: bytes, given: str) -> bool:
    """Whether `given` is `sha256=` and the HMAC-SHA256 of the raw body, in hex.

    >>> signed("It's a Secret to Everybody", b"Hello, World!",
    ...     "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
    True
    """
    wanted = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(given.strip().encode("utf-8", "replace"), wanted.encode())


def read(
    body: bytes, headers: Mapping[str, str], *, application: str | None = None, environment: str | None = None
) -> Told:
    """Deployments in the body of a request.

    Args: headers, with names in lower case; application, where the body names none of ours; environment,
        the only one that counts (CDEvents, GitHub); production, prod, live where none is given.

    Raises: SchemaError.
    """
    if "x-github-event" in headers:
        return _github(read_object(body), headers["x-github-event"], application, environment)
    if body.lstrip()[:1] != b"[":
        found = read_object(body)
        inner = found.get("data") if isinstance(found.get("data"), dict) else found
        named = _text(inner, "context", "type") or headers.get("ce-type") or found.get("type")
        match = CDEVENT.match(str(named))
        if match:
            return _cdevent(inner or {}, match, application, environment)
    return Told(deployments=list(_own(body, application)))


def check(deployment: Deployment, *, now: datetime) -> None:
    """Refuse what cannot have happened.  Raises: SchemaError."""
    if deployment.time > now + AHEAD:
        remedy = "tell of a deployment when it happens, and check the clock and the zone of the sender"
        raise SchemaError("time", "lies in the future", remedy)
    began, ended = deployment.started_at, deployment.finished_at
    if began is not None and ended is not None and ended < began:
        raise SchemaError("finished_at", "lies before started_at", "swap them, or leave one out")


def _own(body: bytes, application: str | None) -> Iterator[Deployment]:
    for event in decode(body, kind="deployment", application=application):
        if isinstance(event, Rejection):
            raise event.error
        if not isinstance(event, Deployment):
            raise SchemaError("type", "is no deployment", "send other events to their topic")
        yield event


def _github(found: dict[str, Any], event: str, application: str | None, environment: str | None) -> Told:
    if event != "deployment_status":
        return Told(ignored=[f"{event[:64]}: only deployment_status says that a version went live"])
    deployment, status = _object(found, "deployment"), _object(found, "deployment_status")
    state = str(status.get("state"))
    place = str(status.get("environment") or deployment.get("environment") or "production")
    flagged = deployment.get("production_environment") is True and environment is None
    if not (flagged or _counts(place, environment)):
        return Told(ignored=[f"environment {place[:64]}: add ?environment={place[:64]} where it counts"])
    if state not in GITHUB_STATES:
        return Told(ignored=[f"state {state[:64]}: nothing has changed for users yet"])
    payload = deployment.get("payload")
    said = _ours(payload if isinstance(payload, dict) else {})
    revision = deployment.get("sha") or deployment.get("ref")
    return _told(
        {
            "application": application or _last(_text(found, "repository", "name")),
            "version": said.get("deployment_id") or revision,
            "status": GITHUB_STATES[state],
            "time": status.get("updated_at") or status.get("created_at"),
            "kind": "code",
            "commit": deployment.get("sha"),
            "url": status.get("log_url") or status.get("target_url") or status.get("environment_url"),
            "actor": _text(deployment, "creator", "login"),
            "summary": status.get("description") or deployment.get("description"),
            "source": "github",
        },
        said,
    )


def _cdevent(
    found: dict[str, Any], match: re.Match[str], application: str | None, environment: str | None
) -> Told:
    subject, predicate = match.groups()
    if subject != "service" or predicate not in CDEVENTS:
        return Told(ignored=[f"{subject}.{predicate}: only service deployed, upgraded, rolledback count"])
    content = _object(_object(found, "subject"), "content")
    place = _last(_text(content, "environment", "id")) or "production"
    if not _counts(place, environment):
        return Told(ignored=[f"environment {place[:64]}: add ?environment={place[:64]} where it counts"])
    custom = found.get("customData")
    said = _ours(custom if isinstance(custom, dict) else {})
    artifact = _text(content, "artifactId")
    version = _version(artifact)
    told = _told(
        {
            "application": application or _last(_text(found, "subject", "id")),
            "version": said.get("deployment_id") or version,
            "status": CDEVENTS[predicate],
            "time": _text(found, "context", "timestamp"),
            "kind": "code",
            "artifact": artifact,
            "url": _text(found, "context", "source") if _is_url(_text(found, "context", "source")) else None,
            "source": "cdevents",
        },
        said,
    )
    rolled = predicate == "rolledback" and not (said.keys() & {"deployment_id", "version"})
    return Told(deployments=told.deployments, restored=version if rolled else None)


def _told(found: dict[str, Any], said: dict[str, Any]) -> Told:
    """Our own names in the free part of a message win over what its form says."""
    whole = {name: value for name, value in found.items() if value is not None} | said
    if not whole.get("version"):
        raise SchemaError("version", "is missing", "name an artifact, a revision, or a version")
    whole.setdefault("deployment_id", whole["version"])
    event = to_event({k: _fitting(k, v) for k, v in whole.items()}, kind="deployment")
    assert isinstance(event, Deployment)
    return Told(deployments=[event])


def _fitting(name: str, value: Any) -> Any:  # noqa: ANN401  any JSON value
    """Texts that only explain are cut; what identifies is refused where it is too long."""
    longest = {"summary": 4096, "actor": 256, "artifact": 256, "url": 2048}.get(name)
    return value[:longest] if longest and isinstance(value, str) else value


def _ours(free: dict[str, Any]) -> dict[str, Any]:
    return {name: free[name] for name in OURS if free.get(name) is not None}


def _counts(place: str, wanted: str | None) -> bool:
    return place == wanted if wanted is not None else place.lower() in LIVE


def _object(found: dict[str, Any], name: str) -> dict[str, Any]:
    inner = found.get(name)
    if not isinstance(inner, dict):
        raise SchemaError(name, "is missing", "send the event as its specification has it")
    return inner


def _text(found: Any, *path: str) -> str | None:  # noqa: ANN401  any JSON value
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) and found else None


def _last(name: str | None) -> str | None:
    """The last part of a path: `service/support-bot` is `support-bot`."""
    return None if name is None else name.rstrip("/").rpartition("/")[2]


def _version(artifact: str | None) -> str | None:
    """The version of a package URL, decoded.

    >>> _version("pkg:oci/support-bot@sha256%3A12ab?tag=4"), _version("pkg:npm/%40team/bot@2.1.0")
    ('sha256:12ab', '2.1.0')
    """
    if artifact is None or "@" not in artifact:
        return artifact
    return unquote(artifact.rpartition("@")[2].partition("?")[0].partition("#")[0]) or None


def _is_url(text: str | None) -> bool:
    return text is not None and text.startswith(("https://", "http://"))


def replaced(deployment: Deployment, name: str) -> Deployment:
    """The same message, about another deployment."""
    return msgspec.structs.replace(deployment, deployment_id=name, version=name)
