"""What the user decides of an application's monitors."""

from dataclasses import dataclass, field, replace

from app.core.baseline import BaselineSettings
from app.core.budget import share
from app.core.rules import Rules

BESIDE_SHARE = 0.1  # of the application's pages, in addition, for what is not drift: outcomes, quality


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSettings:
    """What the user decides: how to learn, and from which uncovered share or share of adaptation on to page
    (None: never).
    """

    baseline: BaselineSettings = field(default_factory=BaselineSettings)
    gap_tolerance: float | None = None
    responses: bool = True
    rules: Rules = field(default_factory=Rules)

    def of(self, application: str) -> "MonitorSettings":
        """What holds for one application, the budget shared by its monitors that may page."""
        tolerance = self.rules.of(application, "gap").tolerance or self.gap_tolerance
        pages = share(self._whole(application), monitors=max(len(self.paging(application)), 1))
        return replace(
            self, baseline=replace(self.baseline, pages_per_30_days=pages), gap_tolerance=tolerance
        )

    def paging(self, application: str) -> tuple[str, ...]:
        """The monitors of an application that may page."""
        tolerance = self.rules.of(application, "gap").tolerance or self.gap_tolerance
        may = {"change": True, "responses": self.responses, "gap": tolerance is not None}
        return tuple(name for name in may if may[name] and self.rules.of(application, name).enabled)

    def pages_beside(self, application: str, monitors: str) -> float:
        """False pages in 30 days of monitors beside those of drift, unless a rule says otherwise."""
        return self.rules.of(application, monitors).pages_per_30_days or BESIDE_SHARE * self._whole(
            application
        )

    def _whole(self, application: str) -> float:
        return self.rules.of(application, "change").pages_per_30_days or self.baseline.pages_per_30_days
