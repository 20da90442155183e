"""Telling everybody what versions of an eval set there are: `evalsets.v1`, from what lies in the store."""

from app.adapters.evalsets import EvalSets
from app.adapters.kafka import Record, full_name, produce
from app.adapters.redis_client import without_password
from app.core.curation_history import standing
from app.core.curation_told import told, wanted
from app.errors import InputError
from app.settings import KafkaSettings
from schemas.codec import encode
from schemas.evalsets import CuratedItem, EvalSetVersions, Manifest
from schemas.topics import EVALSETS


def announce(kafka: KafkaSettings, sets: EvalSets) -> EvalSetVersions:
    """Read the store and send what stands in it.  Raises: DependencyError, MissingTopic, InputError."""
    found = read(sets)
    topic = full_name(kafka, EVALSETS)
    produce(kafka, [Record(topic=topic, key=sets.application.encode(), value=encode(found))])
    return found


def read(sets: EvalSets) -> EvalSetVersions:
    """What stands in the store.  Cost: a small file a version.  Raises: DependencyError, InputError."""
    entries = sets.history()
    names, current = wanted(entries), standing(entries).current
    manifests: dict[str, Manifest] = {}
    items: dict[str, list[CuratedItem]] = {}
    for name in names:
        try:
            manifests[name] = sets.manifest(name)
            if name in (names[0], current):
                items[name] = sets.load(name)[1]
        except InputError:  # its files are gone: the others are told of
            continue
    return told(
        sets.application, without_password(sets.store), entries=entries, manifests=manifests, items=items
    )
