"""The user's settings as the core wants them."""

from app.adapters.monitors import load_rules
from app.core.baseline import BaselineSettings
from app.core.measurement import MeasureSettings
from app.core.monitor_settings import MonitorSettings
from app.core.watch import Bank
from app.settings import DetectionSettings


def measure_settings(detection: DetectionSettings) -> MeasureSettings:
    """Constants of the block and unit rules."""
    return MeasureSettings(
        lateness_seconds=detection.lateness_seconds,
        text_horizon_seconds=detection.text_horizon_seconds,
        responses=detection.responses,
    )


def monitor_settings(detection: DetectionSettings, bank: Bank | None = None) -> MonitorSettings:
    """How to learn, what to watch for, and when to page.

    Raises: InputError for a file of monitors that is wrong.
    """
    return MonitorSettings(
        baseline=BaselineSettings(
            events=detection.baseline_events,
            seconds=detection.baseline_seconds,
            pages_per_30_days=detection.pages_per_30_days,
            horizon_seconds=detection.session_seconds,
            samples_per_second=detection.samples_per_second,
            seed=detection.seed,
            bank=bank,
            mute=tuple(detection.mute),
        ),
        gap_tolerance=detection.gap_tolerance,
        rules=load_rules(detection.monitors),
        responses=detection.responses,
    )
