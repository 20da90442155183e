"""An application's versions in short: what stands on `evalsets.v1`, and on the page."""

from collections import Counter
from collections.abc import Mapping, Sequence

from app.core.curation_history import standing
from schemas.evalsets import CuratedItem, Entry, EvalSetVersions, Manifest, Queue, Told

MOST_VERSIONS, MOST_ENTRIES, MOST_RETIRED = 20, 100, 100  # it must fit into a record


def wanted(entries: Sequence[Entry]) -> list[str]:
    """The versions to tell of, the newest first, and the one in force in any case."""
    found = standing(entries)
    newest = list(dict.fromkeys(entry.version for entry in reversed(entries)))
    kept = newest[:MOST_VERSIONS]
    return kept if found.current in (None, *kept) else [*kept[:-1], str(found.current)]


def told(
    application: str,
    store: str,
    *,
    entries: Sequence[Entry],
    manifests: Mapping[str, Manifest],
    items: Mapping[str, Sequence[CuratedItem]],
) -> EvalSetVersions:
    """What a history comes to, given the manifests of `wanted` and the items of some of them.

    A version whose files are gone is left out.
    """
    found = standing(entries)
    versions = [
        _version(manifests[name], found.states[name], entries, items.get(name))
        for name in wanted(entries)
        if name in manifests
    ]
    return EvalSetVersions(
        application=application,
        number=entries[-1].number if entries else 0,
        store=store,
        current=found.current,
        published=found.published,
        versions=versions,
        entries=list(reversed(entries))[:MOST_ENTRIES],
    )


def _version(
    manifest: Manifest, state: str, entries: Sequence[Entry], items: Sequence[CuratedItem] | None
) -> Told:
    own = [entry for entry in entries if entry.version == manifest.id]
    published = [entry.note for entry in own if entry.action == "published" and entry.note]
    return Told(
        id=manifest.id,
        state=state,
        items=manifest.items,
        time=own[0].time,
        reference=published[-1] if published else None,
        previous=manifest.previous,
        samples=manifest.samples,
        since=manifest.since,
        until=manifest.until,
        unusable=manifest.unusable,
        uncovered_before=manifest.uncovered_before,
        uncovered_after=manifest.uncovered_after,
        scarce_before=manifest.scarce_before,
        scarce_after=manifest.scarce_after,
        underfilled=manifest.underfilled,
        retired=manifest.retired[:MOST_RETIRED],
        retired_total=len(manifest.retired),
        queue=None if items is None else queue(items),
    )


def queue(items: Sequence[CuratedItem]) -> Queue:
    """What items leave for a person to do.

    >>> one = CuratedItem(id="1", prompt="?", layer="core", cluster="", expected="42")
    >>> queue([one]).unverified, queue([one]).unanswered
    (1, 0)
    """
    return Queue(
        items=len(items),
        core=sum(item.layer == "core" for item in items),
        added=sum(not item.anchor for item in items),
        unverified=sum(item.expected is not None and not item.verified for item in items),
        unanswered=sum(item.expected is None for item in items),
        cut=sum(item.cut for item in items),
        reasons=dict(sorted(Counter(reason for item in items for reason in item.reasons).items())),
    )
