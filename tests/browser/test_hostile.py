"""Hostile text in every place that shows text: it is seen, never run, and breaks no layout."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from app.ports import ClusterShare
from schemas.decisions import Member
from schemas.evalsets import Entry, EvalSetVersions, Queue, Retired, Shortfall, Told
from schemas.readings import DescriptorMove, SegmentMove, WatchRate
from tests.browser.conftest import Site
from tests.browser.visit import Visit
from tests.web import samples, scores, trouble, trouble_told

pytestmark = pytest.mark.browser
SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script>"
ESCAPE = "\x1b[31mred\x1b]0;title\x07"
REVERSED = "\u202egnp.exe\u2066\u200b\ufeff"
LONG = "w" * 1_000_000
HOSTILE = f"{SCRIPT}{ESCAPE}{REVERSED}"
SEEN = "\u2039U+001B\u203a[31mred"


def test_hostile_text_is_shown_and_not_run(visit: Visit) -> None:
    page = visit.open("/app/box-support")
    quotes = page.locator("blockquote")
    assert quotes.filter(has_text=trouble.MARKUP).is_visible()
    shown = "ship it to \u2039U+202E\u203ateerts niaM\u2039U+202C\u203a 12"
    assert quotes.filter(has_text=shown).is_visible()
    assert page.locator("blockquote script, blockquote b").count() == 0
    assert page.evaluate("document.querySelectorAll('script:not([src])').length") == 0
    assert visit.troubles == []


def hostile(site: Site, text: str) -> None:
    """Put a text into every field of an application of its own that a reader will see."""
    now = datetime.now(UTC)
    readings, alerts = trouble.story(now)
    cluster = msgspec.structs.replace(trouble.CLUSTERS[0], name=text, examples=[text, LONG], nearest=[text])
    words: dict[str, Any] = {
        "application": "hostile",
        "clusters": [cluster],
        "watch": [WatchRate(name=text, rate_before=0.0, rate_now=0.2)],
        "descriptors": [DescriptorMove(name=text, share_before=0.0, share_now=0.2)],
        "segments": [SegmentMove(name=text, cluster=text, share_now=0.2, low=0.1, high=0.3)],
        "deployment": text,
        "channel": text,
        "reference": text,
    }
    last = readings[-1] if readings[-1].monitor == "change" else readings[-26]
    site.put(msgspec.structs.replace(last, **words, note=text, evalset=text))
    site.put(msgspec.structs.replace(last, **words, monitor=text, id="named", evalset=text))
    for scored in scores.evaluation(now, stratum=text, model=text):
        site.put(msgspec.structs.replace(scored, application="hostile"))
    raised = alerts[-1]
    member = Member(monitor=text, state="alarm", severity="critical", detected_at=now, updated_at=now)
    said = {"summary": text, "members": [member, member], "acknowledged_by": text, "acknowledged_at": now}
    said |= {"transition": text, "runbook": "javascript:alert(3)", "alert_id": "h-1", "incident": text}
    site.put(msgspec.structs.replace(raised, **words, **said))
    release = trouble_told.release(now)
    told = {"deployment_id": text, "version": text, "summary": text, "variant": text}
    site.put(msgspec.structs.replace(release, application="hostile", **told))
    site.put(
        msgspec.structs.replace(
            trouble_told.deliveries(now)[0],
            id="h-2",
            application="hostile",
            sink=text,
            reason=text,
            incident=text,
        )
    )
    evalset = samples.references()[0]
    share = ClusterShare(name=text, share=1.0, examples=[text, LONG])
    names = {name: getattr(evalset, name) for name in ("kind", "fingerprint", "units")}
    summary = type(evalset)(**names, application="hostile", id=text, clusters=[share])
    site.run(site.store.put_reference(summary))
    version = Told(
        id=text,
        state="draft",
        items=1,
        time=now,
        underfilled=[Shortfall(name=text, wanted=2, found=1)],
        retired=[Retired(id=text, reason=text)],
        queue=Queue(items=1, core=1, added=1, reasons={text: 1}),
    )
    entry = Entry(number=9, time=now, action="built", version=text, by=text, note=text)
    standing = EvalSetVersions(
        application="hostile", number=9, store=text, current=text, versions=[version], entries=[entry]
    )
    site.run(site.store.put_evalset(standing))
    site.run(site.store.heartbeat(text, {"role": text, "stages": {text: [text, LONG[:5000]]}}))


@pytest.mark.parametrize("width", [1200, 360])
def test_no_field_runs_what_it_says(visits: Callable[..., Visit], site: Site, width: int) -> None:
    hostile(site, HOSTILE)
    visit = visits(viewport={"width": width, "height": 800})
    for address in ("/", "/alerts", "/evaluation", "/pipeline", "/app/hostile", f"/incident/{ADDRESS}"):
        page = visit.open(address)
        page.wait_for_function("(seen) => document.querySelector('main').innerText.includes(seen)", arg=SEEN)
        assert page.locator("main img, main script, main b script").count() == 0, address
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        assert page.locator("a[href^=javascript]").count() == 0
    assert visit.troubles == []


ADDRESS = "".join(f"%{byte:02X}" for byte in HOSTILE.encode())


def test_hostile_names_are_shown_and_not_run(visit: Visit, site: Site) -> None:
    name = "<img src=x onerror=alert(1)>/\u202e%?monitor=x"
    site.put(samples.quiet(name, datetime.now(UTC))[-1])
    page = visit.open("/")
    page.get_by_role("link", name="<img src=x").click()
    page.wait_for_selector(".facts")
    assert page.inner_text("h1") == "<img src=x onerror=alert(1)>/\u2039U+202E\u203a%?monitor=x"
    assert page.locator("main img").count() == 0
    assert visit.troubles == []


def test_an_address_made_by_an_enemy_does_nothing(visit: Visit) -> None:
    for address in (
        "/app/%E0%A4%A",
        f"/app/{ADDRESS}",
        "/incident/../../v1/status",
        "/app/x?from=alert(1)&offsets=a.b",
    ):
        page = visit.open(address)
        page.wait_for_selector("h1")
    page = visit.open(
        "/app/box-support?monitor=<script>&from=x&to=y&offsets=1.2.3~9e99~<i>_1.2.3~9e12~9e12_<b>.1.1_9e99.1.2"
    )
    page.wait_for_timeout(200)
    assert page.locator("main script").count() == 0
    assert [trouble for trouble in visit.troubles if "404" not in trouble] == []
