"""What the power benchmark found, in tables: peer, ours and limit side by side."""

from dataclasses import dataclass

import numpy as np

from benchmarks.contest import NULL, Plan
from benchmarks.page import table
from benchmarks.peer_defaults import SHOWN, Agreement, Default, default_table
from benchmarks.plot import dots
from benchmarks.run_lengths import Delays, Paths, RunLength, delays, level_at, realised
from benchmarks.shifts import CHANGED_UNITS, CLEAN_UNITS, GRID, TICK
from benchmarks.worlds import HELD, World

OURS, UNWATCHED, ORACLE = "promptdrift", "without watches", "oracle"
EYE = "our statistics, transformer"
TARGET = 10_000.0
WATCHED = ("code", "jailbreak", "language", "role-prefix")
PROMISED = float(np.log10(TARGET))


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Score paths by detector and streams, a list over references; the oracle's with its thresholds."""

    plan: Plan
    scores: dict[str, dict[str, list[Paths]]]
    limits: dict[str, tuple[Paths, float]]
    defaults: list[Default]
    agreement: Agreement | None = None

    def level(self, detector: str) -> float:
        """Score at which the realised run length is the target."""
        return level_at(np.concatenate(self.scores[detector][NULL]), TARGET, TICK)

    def delays(self, detector: str, shift: str, level: float) -> Delays:
        """Of one shift, all references."""
        return delays(np.concatenate(self.scores[detector][shift]), level, TICK, CLEAN_UNITS)

    def limit(self, shift: str) -> Delays:
        """The oracle's."""
        paths, level = self.limits[shift]
        return delays(paths, level, TICK, CLEAN_UNITS)

    def run_length(self, detector: str, level: float = PROMISED) -> RunLength:
        """Realised on clean traffic, pooled."""
        return realised(np.concatenate(self.scores[detector][NULL]), level, TICK)

    def run_lengths(self, detector: str, level: float = PROMISED) -> list[RunLength]:
        """Realised on clean traffic, reference by reference."""
        return [realised(paths, level, TICK) for paths in self.scores[detector][NULL]]

    def ratios(self, detector: str, *, equal: bool = True) -> list[float]:
        """Mean delay of a peer over ours, shift by shift."""
        levels = [self.level(name) if equal else PROMISED for name in (detector, OURS)]
        return [
            self.delays(detector, shift.name, levels[0]).mean / self.delays(OURS, shift.name, levels[1]).mean
            for shift in GRID
        ]


def section(found: Findings, world: World) -> str:
    """The whole section of the page."""
    return "\n\n".join(
        [
            setting(found, world),
            "**Bars**",
            bars(found),
            "![Mean delay of every shift](power.svg)",
            "**Mean delay at equal realised run length 10,000** (median; share found where below 99.5 %)",
            delay_table(found, equal=True),
            "**Mean delay at the reference-only threshold** (the run length that it promises: 10,000)",
            delay_table(found, equal=False),
            "**Realised run length where 10,000 was promised, threshold from the reference alone**",
            run_length_table(found),
            "**Peers at their own defaults** (mean delay; ours for comparison at a promise of 10,000)",
            default_table([_ours_at_its_promise(found), *found.defaults]),
            _agreed(found.agreement),
        ]
    )


def picture(found: Findings) -> str:
    """Mean delays at equal realised run length as SVG."""
    series = {
        name: [found.delays(name, shift.name, found.level(name)).mean for shift in GRID]
        for name in (OURS, "MMD W=100", "MMD W=500")
    }
    limit = [found.limit(shift.name).mean for shift in GRID]
    title = "Mean delay in units, at one false alarm in 10,000"
    return dots([shift.name for shift in GRID], {**series, ORACLE: limit}, title=title)


def setting(found: Findings, world: World) -> str:
    """One paragraph: how much was simulated, on what."""
    plan = found.plan
    mix = ", ".join(f"{100 * share:.0f} % {_file(name)}" for name, share in world.base.items())
    held = ", ".join(_file(name) for name in sorted(HELD) if name in world.strata)
    return (
        f"{plan.references} references of 2,000 units; {plan.references * plan.null} clean streams of "
        f"{plan.units:,} units, and {plan.references * plan.shifted} streams for each shift, "
        f"{CLEAN_UNITS:,} clean units and then {CHANGED_UNITS:,}. {len(world.texts):,} distinct texts. "
        f"Clean traffic: {mix}. Files that nobody had opened before this run: {held or 'none'}."
    )


def bars(found: Findings) -> str:
    """DESIGN 11, row by row."""
    rows = []
    for peer, bar in (("MMD W=100", 3.5), ("MMD W=500", 2.5)):
        ratios = found.ratios(peer)
        mean, worst = float(np.exp(np.mean(np.log(ratios)))), min(ratios)
        rows.append(
            _bar(f"mean delay, {peer} over ours, geometric mean", f">= {bar}", f"{mean:.2f}", mean >= bar)
        )
        where = GRID[int(np.argmin(ratios))].name
        rows.append(_bar("the same, worst shift", ">= 0.7", f"{worst:.2f} ({where})", worst >= 0.7))
    eye = float(np.exp(np.mean(np.log(found.ratios(EYE)))))
    rows.append(_bar(f"mean delay, {EYE}, over ours", ">= 1.5", f"{eye:.2f}", eye >= 1.5))
    unwatched = [r for s, r in zip(GRID, found.ratios(UNWATCHED), strict=True) if s.kind not in WATCHED]
    elsewhere = float(np.exp(np.mean(np.log(unwatched))))
    rows.append(
        _bar(
            "mean delay, without watches over with them, elsewhere",
            ">= 0.93",
            f"{elsewhere:.2f}",
            elsewhere >= 0.93,
        )
    )
    pooled = found.run_length(OURS)
    each = [one.value / TARGET for one in found.run_lengths(OURS)]
    ratio = pooled.value / TARGET
    rows.append(
        _bar(
            "realised / promised run length, pooled",
            "0.7 to 1.5",
            f"{ratio:.2f} [{pooled.interval[0] / TARGET:.2f}, {pooled.interval[1] / TARGET:.2f}]",
            0.7 <= ratio <= 1.5,
        )
    )
    rows.append(_bar("the same, worst reference", ">= 0.4", f"{min(each):.2f}", min(each) >= 0.4))
    level = found.level(OURS)
    for shift, most in (("jailbreak 1 %", 1500), ("code 2 %", 1100), ("language 2 %", 350)):
        one = found.delays(OURS, shift, level)
        rows.append(_bar(f"{shift}, median delay", f"<= {most:,}", f"{one.median:,.0f}", one.median <= most))
    return table(["bar", "wanted", "measured", "met"], rows)


def delay_table(found: Findings, *, equal: bool) -> str:
    """Shifts down, detectors across; mean +- standard error (median; share)."""
    names = list(found.scores)
    levels = {name: found.level(name) if equal else PROMISED for name in names}
    rows = []
    for shift in GRID:
        cells = [_delay(found.delays(name, shift.name, levels[name])) for name in names]
        rows.append([shift.name, *cells, _delay(found.limit(shift.name))])
    geometric = [_geometric(found.ratios(name, equal=equal)) for name in names]
    rows.append(["mean delay over ours, geometric mean (least to most)", *geometric, ""])
    return table(["shift", *names, ORACLE], rows)


def run_length_table(found: Findings) -> str:
    """Pooled with interval, and the spread over references."""
    rows = []
    for name in found.scores:
        each = [one.value for one in found.run_lengths(name)]
        rows.append([name, str(found.run_length(name)), f"{min(each):,.0f} to {max(each):,.0f}"])
    return table(["detector", "pooled [95 %]", "worst to best reference"], rows)


def _ours_at_its_promise(found: Findings) -> Default:
    return Default(
        name="promptdrift, promised 10,000",
        clean=found.run_length(OURS),
        found={shift: found.delays(OURS, shift, PROMISED) for shift in SHOWN},
    )


def _agreed(agreement: Agreement | None) -> str:
    if agreement is None:
        return "The peers' libraries could not be installed: MMD is our form of its exact statistic."
    return (
        "MMD is our form of alibi-detect's statistic: on one stream of "
        f"{agreement.events} events the two differ by at most {agreement.largest_difference:.0e}, where the "
        f"statistic itself varies by {agreement.spread:.0e} (standard deviation)."
    )


def _delay(one: Delays) -> str:
    share = "" if one.share >= 0.995 else f"; {one.share:.0%}"
    return f"{one.mean:,.0f} ± {one.error:,.0f} ({one.median:,.0f}{share})"


def _geometric(ratios: list[float]) -> str:
    return f"{np.exp(np.mean(np.log(ratios))):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _bar(name: str, wanted: str, measured: str, met: bool) -> list[str]:
    return [name, wanted, measured, "yes" if met else "**no**"]


def _file(name: str) -> str:
    return name.split(".")[0].replace("_", " ")
