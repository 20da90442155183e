"""Two versions of an eval set, side by side."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from schemas.evalsets import CuratedItem, Manifest

Version = tuple[Manifest, Sequence[CuratedItem]]


def difference(old: Version, new: Version) -> dict[str, Any]:
    """What changed from one version to another, as plain values.

    `answered`: items whose expected answer is another one; clusters: shares of the core, largest first.
    """
    was, now = ({item.id: item for item in items} for _, items in (old, new))
    before, after = _clusters(old[1]), _clusters(new[1])
    shared = was.keys() & now.keys()
    return {
        "old": old[0].id,
        "new": new[0].id,
        "kept": len(shared),
        "added": len(now.keys() - was.keys()),
        "removed": len(was.keys() - now.keys()),
        "answered": sum(was[id].expected != now[id].expected for id in shared),
        "uncovered": [msgspec.to_builtins(manifest.uncovered_after) for manifest, _ in (old, new)],
        "clusters": [
            {"cluster": name, "before": round(before[name], 6), "after": round(after[name], 6)}
            for name in sorted(before.keys() | after.keys(), key=lambda n: -max(before[n], after[n]))
        ],
        "retired": [msgspec.to_builtins(r) for r in new[0].retired if r.id in was],
    }


def _clusters(items: Sequence[CuratedItem]) -> defaultdict[str, float]:
    out = defaultdict[str, float](float)
    for item in items:
        out[item.cluster] += item.weight or 0.0
    return out
