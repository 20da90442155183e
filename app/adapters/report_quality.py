"""The report's card on answers: scores by version, candidates, whether the benchmark still measures."""

from collections.abc import Sequence

from app.adapters.markup import Html, h
from app.adapters.report_parts import card, pill, table
from app.adapters.report_words import DASH, number, percent
from schemas.intervals import Interval
from schemas.readings import Reading

NOTE = "Weighted to all traffic. Scores count as worse only on like questions."


def scores(readings: Sequence[Reading]) -> Html | None:
    """One table of versions, one of releases on the eval set, and what was concluded.

    Args: readings, the latest of each monitor.
    """
    quality = [reading for reading in readings if reading.quality is not None]
    validity = [reading for reading in readings if reading.validity is not None]
    said = [h("p", text, class_="small") for text in conclusions(readings)]
    if not (quality or validity or said):
        return None
    return card("How good answers are", _versions(quality), _releases(validity), said, note=NOTE)


def conclusions(readings: Sequence[Reading]) -> list[str]:
    """Every sentence that readings hold: of comparisons, candidates, validity, judges and models."""
    found: list[str | None] = []
    for reading in readings:
        told = reading.quality
        if told is not None:
            verdicts = [each.verdict for each in told.comparisons] + [
                each.verdict for each in told.candidates
            ]
            found += [f"{told.metric}: {verdict}." for verdict in verdicts]
            found.append(f"{told.metric}: the judge {told.unreliable}." if told.unreliable else None)
        if reading.validity is not None and reading.validity.verdict:
            found.append(f"{reading.validity.metric}: {reading.validity.verdict}.")
        if reading.watched is not None and reading.watched.verdict:
            found.append(f"{reading.monitor}: {reading.watched.verdict}.")
    return [text for text in found if text]


def _versions(readings: Sequence[Reading]) -> Html | None:
    rows = [
        (
            f"{told.metric} ({told.dimension})" if told.dimension else told.metric,
            pill(reading.state),
            h("code", version.name),
            _interval(version.score),
            _interval(version.corrected),
            f"{version.scored:,} of {version.kept:,}",
        )
        for reading in readings
        if (told := reading.quality) is not None
        for version in reversed(told.versions)
    ]
    names = ("Metric", "State", "Version", "Score, 95 %", "Corrected by people", "Scored of kept")
    return table(names, rows) if rows else None


def _releases(readings: Sequence[Reading]) -> Html | None:
    rows = [
        (
            told.metric,
            h("code", release.name),
            number(release.on_set.value, 2),
            _interval(release.on_live),
            percent(release.unknown),
            _interval(release.live),
        )
        for reading in readings
        if (told := reading.validity) is not None
        for release in reversed(told.releases)
    ]
    names = ("Metric", "Release", "On the set", "On this traffic", "Not covered", "Live answers")
    return table(names, rows) if rows else None


def _interval(found: Interval | None) -> str:
    if found is None:
        return DASH
    return f"{number(found.value, 2)} ({number(found.low, 2)} to {number(found.high, 2)})"
