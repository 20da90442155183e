"""Pictures of every view for docs/views, each light, dark and 360 px wide: the demo's traffic, replayed.

That of evaluation is taken of `demo --week`, at its end: a replay scores no answers.

python -m tests.browser.screenshots docs/views        # about five minutes
"""

import base64
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.adapters import replay
from app.adapters.build import build_reference
from app.adapters.encoders import load_encoder
from app.adapters.references import summary
from app.cli.week import played_week
from app.demo.traffic import APPLICATION, eval_items, scenario
from app.settings import DetectionSettings
from schemas.events import Deployment
from tests.browser.conftest import Site
from tests.browser.visit import Visit, chromium
from tests.web.samples import STAGES, health

DESKTOP, PHONE = {"width": 1200, "height": 1500}, {"width": 360, "height": 1150}
FORMS: dict[str, dict[str, Any]] = {
    "light": {"viewport": DESKTOP},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "360 px": {"viewport": PHONE, "device_scale_factor": 1.3},
}
SHEET = (
    "<style>body{margin:0;display:flex;gap:16px;align-items:flex-start;background:#8a93a3;padding:16px;"
    "width:max-content}img{height:750px;display:block}</style>"
)
DRAWN = (
    "() => [...document.querySelectorAll('.card:not([hidden]) .plot')]"
    ".every((plot) => plot.querySelector('.plot-container'))"
)
QUALITY, SETTLED_MS, SEED = 62, 1500, 7


async def fill(site: Site) -> str:
    """The demo's day in the store; the incident to look at."""
    encoder = load_encoder()
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=3)
    told = scenario(seed=SEED, start=start, clean=3200, drifted=1600, drift="adaptation")
    evalset = build_reference(eval_items(seed=SEED), encoder=encoder, seed=SEED)
    said = replay.run(
        told.events,
        encoder=encoder,
        evalset=evalset,
        detection=DetectionSettings(baseline_events=1500),
        partitions=4,
    )
    for reference in (evalset, *(baseline.reference for baseline in said.baselines)):
        everyone = reference is evalset
        await site.store.put_reference(summary("*" if everyone else APPLICATION, reference))
    for release in (event for event in told.events if isinstance(event, Deployment)):
        await site.store.put_fact(release)
    for reading in said.readings:
        if reading.note is None:
            await site.store.put_reading(reading)
    for alert in said.alerts:
        await site.store.put_alert(alert)
    return said.alerts[-1].incident


async def live(site: Site) -> None:
    """What a worker would say every few seconds: a replay has none."""
    await site.store.heartbeat("worker-0", {"role": "worker", "stages": STAGES})
    for condition in ("stage measure", "stage detect", "dead letters", "status store"):
        await site.store.put_reading(health(condition, datetime.now(UTC)))


def addresses(incident: str) -> dict[str, str]:
    """View -> its address."""
    return {
        "application": f"/app/{APPLICATION}",
        "incident": f"/incident/{incident}",
        "overview": "/",
        "alerts": "/alerts",
        "deployments": "/deployments",
        "deployment": f"/deployment/{APPLICATION}/v2",
        "pipeline": "/pipeline",
    }


def shot(browser: Any, base: str, address: str, form: dict[str, Any]) -> bytes:
    """One view in one form, as PNG."""
    visit = Visit(browser, base, **form)
    page = visit.open(address)
    page.wait_for_timeout(SETTLED_MS)
    page.wait_for_function(DRAWN)
    found: bytes = page.screenshot()
    assert visit.troubles == [], visit.troubles
    visit.close()
    return found


def sheet(browser: Any, pictures: list[bytes]) -> bytes:
    """Pictures side by side, as JPEG."""
    page = browser.new_page(viewport={"width": 1500, "height": 782})
    sources = (base64.b64encode(each).decode() for each in pictures)
    page.set_content(SHEET + "".join(f'<img src="data:image/png;base64,{source}">' for source in sources))
    page.wait_for_timeout(300)
    found: bytes = page.screenshot(type="jpeg", quality=QUALITY)
    page.close()
    return found


def picture(browser: Any, base: str, address: str, file: Path) -> None:
    """One view in every form, into a file."""
    pictures = [shot(browser, base, address, form) for form in FORMS.values()]
    file.write_bytes(sheet(browser, pictures))
    sys.stdout.write(f"{file.stem}: {address}\n")


def main(folder: Path) -> None:
    """Every view into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with played_week(SEED, 0) as (running, _), chromium() as browser:
        picture(browser, running.url, "/evaluation", folder / "evaluation.jpg")
    site = Site()
    incident: list[str] = []

    async def story() -> None:
        incident.append(await fill(site))

    site.run(story(), 300)
    with chromium() as browser:
        for name, address in addresses(incident[0]).items():
            site.run(live(site))
            picture(browser, site.base, address, folder / f"{name}.jpg")
    site.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
