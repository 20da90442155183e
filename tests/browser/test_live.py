"""The page while things happen: what arrives by itself, and what it does when the server goes away."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.browser.conftest import Site
from tests.browser.visit import LIVE, Visit
from tests.web import samples, trouble, trouble_told

pytestmark = pytest.mark.browser

FASTER = """{
  const [interval, timeout] = [setInterval, AbortSignal.timeout.bind(AbortSignal)];
  window.setInterval = (call, ms) => interval(call, ms / 5);
  AbortSignal.timeout = (ms) => timeout(ms / 5);
}"""  # the page's patience, a fifth of it
CUT = """{
  const json = Response.prototype.json;
  Response.prototype.json = function () {
    if (!window.cutting) return json.call(this);
    window.cut = window.cut || this.url.endsWith("v1/status");
    return Promise.reject(new Error("cut"));
  };
}"""  # the head of an answer arrives, its body does not


def test_an_incident_appears_and_resolves_without_a_reload(visit: Visit, site: Site) -> None:
    page = visit.open("/app/box-search")
    assert "Traffic is as it was" in page.inner_text("main")
    page.evaluate("window.first = true")
    now = datetime.now(UTC)
    _, alerts = trouble.story(now)
    raised = msgspec.structs.replace(alerts[-1], application="box-search", alert_id="up", incident="live-1")
    site.put(raised)
    visit.until_says(".incident", trouble.SUMMARY)
    visit.until_says("main .pill >> nth=0", "Critical")
    visit.until_says("#announcer", "box-search, critical")
    over = {"alert_id": "down", "state": "resolved", "updated_at": now, "ended_at": now}
    site.put(msgspec.structs.replace(raised, **over, summary="Traffic is as it was again."))
    page.wait_for_selector(".incident", state="detached")
    visit.until_says("main .pill >> nth=0", "OK")
    visit.until_says("#announcer", "box-search, resolved")
    page.get_by_role("region", name="Alerts").get_by_text("again").wait_for()
    assert page.evaluate("window.first") is True
    assert visit.troubles == []


def test_a_reading_arrives_by_itself(visit: Visit, site: Site) -> None:
    page = visit.open("/app/box-search")
    page.wait_for_selector(".plot .scatterlayer")
    drawn = page.evaluate("document.querySelector('.plot').data[1].x.length")
    last = samples.quiet("box-search", datetime.now(UTC) + timedelta(minutes=5))[-1]
    site.put(msgspec.structs.replace(last, id="now", value=4.44, units=4321))
    page.get_by_text("4,321").wait_for()
    visit.until_says(".facts >> nth=0", "4.44")
    page.wait_for_function(f"() => document.querySelector('.plot').data[1].x.length === {drawn + 1}")


def test_a_release_and_a_delivery_arrive_by_themselves(visit: Visit, site: Site) -> None:
    page = visit.open("/app/box-support")
    page.wait_for_selector(".plot .scatterlayer")
    release = trouble_told.release(datetime.now(UTC))
    again = msgspec.structs.replace(
        release, deployment_id="2026.03.3", time=release.time + timedelta(hours=1)
    )
    site.put(again)
    page.locator(".annotation-text", has_text="2026.03.3").first.wait_for()
    page = visit.open("/alerts")
    told = trouble_told.deliveries(datetime.now(UTC))[-1]
    site.put(msgspec.structs.replace(told, id="fresh", sink="product-team", kind="slack"))
    page.get_by_text("product-team (slack)").wait_for()


def test_an_open_incident_grows_its_evidence_live(visit: Visit, site: Site) -> None:
    page = visit.open("/incident/box-support-change-2")
    page.get_by_role("region", name="Deliveries").wait_for()
    told = trouble_told.deliveries(datetime.now(UTC))[-1]
    site.put(msgspec.structs.replace(told, id="fresh", sink="product-team", kind="slack"))
    page.get_by_text("product-team (slack)").wait_for()
    _, alerts = trouble.story(datetime.now(UTC))
    over = {"alert_id": "down", "state": "resolved", "ended_at": datetime.now(UTC)}
    over["updated_at"] = datetime.now(UTC) + timedelta(minutes=1)
    site.put(msgspec.structs.replace(alerts[-1], **over, summary="Traffic is as it was again."))
    page.get_by_text("Over since").wait_for()
    visit.until_says("main", "refund · voucher · code")  # what it rested on stays


def test_a_lost_server_is_said_what_was_known_stays_and_it_comes_back(visit: Visit, site: Site) -> None:
    page = visit.open("/app/box-search")
    page.wait_for_selector(".facts")
    port = site.stop()
    page.wait_for_selector("#link[data-link=offline]")
    assert "Disconnected" in page.inner_text("#notice")
    assert page.locator(".facts").first.is_visible()
    last = samples.quiet("box-search", datetime.now(UTC) + timedelta(minutes=5))[-1]
    site.start(port)
    site.put(msgspec.structs.replace(last, id="meanwhile", units=4321))
    page.wait_for_selector(LIVE)
    page.get_by_text("4,321").wait_for()  # nothing of the meantime is missing
    page.wait_for_selector("#notice", state="hidden")
    site.put(msgspec.structs.replace(last, id="after", units=5432, time=last.time + timedelta(minutes=5)))
    page.get_by_text("5,432").wait_for()


def test_a_server_that_hangs_is_not_called_live_nor_asked_by_more_and_more(visit: Visit) -> None:
    visit.page.add_init_script(FASTER)
    page = visit.open("/")
    waiting, most = Counter[str](), Counter[str]()

    def asked(request: Any) -> None:
        waiting[request.url] += 1
        most[request.url] = max(most[request.url], waiting[request.url])

    def over(request: Any) -> None:
        waiting[request.url] = max(waiting[request.url] - 1, 0)  # one of before may end now

    page.route("**/v1/**", lambda route: None)  # the stream stays open
    page.on("request", asked)
    page.on("requestfailed", over)
    page.wait_for_selector("#link[data-link=offline]")
    assert "Disconnected" in page.inner_text("#notice")
    page.wait_for_timeout(2_500)  # more than two polls
    assert set(most.values()) == {1}
    page.unroute("**/v1/**")
    page.wait_for_selector(LIVE)
    page.wait_for_selector("#notice", state="hidden")
    assert visit.troubles == []


def test_what_was_cut_off_half_way_is_asked_for_again(visit: Visit, site: Site) -> None:
    visit.page.add_init_script(FASTER + CUT)
    page = visit.open("/app/box-search")
    page.evaluate("window.cutting = true")
    last = samples.quiet("box-search", datetime.now(UTC) + timedelta(minutes=5))[-1]
    site.put(msgspec.structs.replace(last, id="now", units=4321))
    page.wait_for_function("() => window.cut")
    page.evaluate("window.cutting = false")
    page.locator(".facts", has_text="4,321").first.wait_for()
    page.wait_for_selector(LIVE)


def test_a_stage_that_stands_is_said_everywhere_and_blinds_what_it_feeds(visit: Visit, site: Site) -> None:
    page = visit.open("/app/box-search")
    page.wait_for_selector(".facts")
    assert page.inner_text("main .pill >> nth=0") == "OK"
    site.put(samples.health("stage detect", datetime.now(UTC), state="alarm"))
    visit.until_says("#notice:visible", "detect has finished nothing for 47 s")
    page.wait_for_function("() => document.querySelector('main .pill').textContent === 'Unknown'")
    visit.until_says(".title", "The pipeline stands")
    page = visit.open("/pipeline")
    row = page.get_by_role("region", name="Health").last.locator("tbody tr").first
    assert row.locator("td").all_inner_texts()[:2] == ["Stage detect", "Critical"]
    site.put(samples.health("stage detect", datetime.now(UTC) + timedelta(seconds=1)))
    page.wait_for_selector("#notice", state="hidden")
    assert visit.troubles == []


def test_silence_is_told(visit: Visit, site: Site) -> None:
    application = site.store._documents["box-search"][1]
    application["updated_at"] = (datetime.now(UTC) - timedelta(minutes=4)).isoformat()
    page = visit.open("/app/box-search")
    assert "Nothing new for a while" in page.inner_text("main")
    assert "silent for 4 min" in page.inner_text("main")
