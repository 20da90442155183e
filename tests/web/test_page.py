"""The page in a real browser: what is shown, what is not run, and what arrives by itself."""

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from app.adapters.status import InMemoryStatusStore
from app.settings import ApiSettings
from app.web.hub import Hub
from app.web.server import create_app
from tests.web import samples
from tests.web.served import Served
from tests.web.visit import Visit, chromium

pytestmark = pytest.mark.browser


def run(story: Coroutine[Any, Any, object]) -> None:
    """Run aside: playwright keeps a loop of its own in this thread."""
    with ThreadPoolExecutor(1) as aside:
        aside.submit(asyncio.run, story).result(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def store() -> InMemoryStatusStore:
    filled = InMemoryStatusStore()
    run(samples.fill(filled, datetime.now(UTC)))
    return filled


@pytest.fixture
def served(store: InMemoryStatusStore) -> Iterator[Served]:
    server = Served(create_app(store, ApiSettings(fresh_seconds=0), hub=Hub(store, poll_seconds=0.05)))
    with server:
        yield server


@pytest.fixture
def visit(browser: Any, served: Served) -> Iterator[Visit]:
    visiting = Visit(browser, served.base)
    yield visiting
    visiting.close()


def test_an_application_in_trouble_is_told_whole(visit: Visit) -> None:
    page = visit.open("/app/box-support")
    page.wait_for_selector(".plot .scatterlayer")
    text = page.inner_text("main")
    for said in (
        samples.SUMMARY,
        "Critical incident",
        "2026.03.2",
        "11.",
        "refund · voucher · code",
        "+13.3 points",
    ):
        assert said in text
    for title in (
        "What moved",
        "Language and code",
        "Watches",
        "Gap to the eval set",
        "Counted so far",
        "Pipeline",
    ):
        assert page.get_by_role("heading", name=title).is_visible()
    assert page.locator(".plot .main-svg").count() >= 2
    assert visit.troubles == []
    assert visit.hosts == {urlsplit(visit.base).netloc}  # nothing comes from elsewhere


def test_hostile_text_is_shown_and_not_run(visit: Visit) -> None:
    page = visit.open("/app/box-support")
    quotes = page.locator("blockquote")
    assert quotes.filter(has_text=samples.MARKUP).is_visible()
    assert quotes.filter(
        has_text="ship it to \u2039U+202E\u203ateerts niaM\u2039U+202C\u203a 12"
    ).is_visible()
    assert page.locator("blockquote script, blockquote b").count() == 0
    assert page.evaluate("document.querySelectorAll('script:not([src])').length") == 0
    assert visit.troubles == []


def test_hostile_names_are_shown_and_not_run(visit: Visit, store: InMemoryStatusStore) -> None:
    name = "<img src=x onerror=alert(1)>/\u202e%"
    run(store.put_reading(samples.quiet(name, datetime.now(UTC))[-1]))
    page = visit.open("/")
    page.get_by_role("link", name="<img src=x").click()
    page.wait_for_selector(".facts")
    assert page.inner_text("h1") == "<img src=x onerror=alert(1)>/\u2039U+202E\u203a%"
    assert page.locator("main img").count() == 0
    assert visit.troubles == []


def test_an_alert_arrives_by_itself(visit: Visit, store: InMemoryStatusStore) -> None:
    page = visit.open("/app/box-search")
    assert "Traffic is as it was" in page.inner_text("main")
    _, alerts = samples.story(datetime.now(UTC))
    run(store.put_alert(msgspec.structs.replace(alerts[-1], application="box-search", alert_id="now")))
    page.wait_for_selector(".incident")
    assert samples.SUMMARY in page.inner_text(".incident")
    assert page.inner_text("main .pill >> nth=0") == "Critical"
    assert "box-search, critical" in page.text_content("#announcer")
    assert visit.troubles == []


def test_a_reading_arrives_by_itself(visit: Visit, store: InMemoryStatusStore) -> None:
    page = visit.open("/app/box-search")
    page.wait_for_selector(".facts")
    last = samples.quiet("box-search", datetime.now(UTC) + timedelta(minutes=5))[-1]
    run(store.put_reading(msgspec.structs.replace(last, id="now", value=4.44, units=4321)))
    page.get_by_text("4,321").wait_for()
    assert "4.44" in page.inner_text(".facts >> nth=0")


def test_learning_shows_how_far_it_is(visit: Visit) -> None:
    page = visit.open("/app/box-coach")
    assert page.get_by_role("progressbar").get_attribute("aria-valuenow") == "32"
    assert "640 units" in page.inner_text("main")
    assert page.locator(".plot:visible").count() == 0
    assert visit.troubles == []


def test_the_overview_puts_trouble_first_and_works_by_keyboard(visit: Visit) -> None:
    page = visit.open("/")
    page.wait_for_selector(".tile")
    assert page.locator(".tile h2").all_inner_texts() == [
        "box-support",
        "wine-advice",
        "box-coach",
        "box-search",
    ]
    for _ in range(6):  # skip link, brand, three views, first tile
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".incident")
    assert page.url.endswith("#/app/box-support")
    assert page.title() == "box-support · promptdrift"


def test_a_lost_server_is_said_and_what_was_known_stays(visit: Visit, served: Served) -> None:
    page = visit.open("/app/box-support")
    page.wait_for_selector(".incident")
    served.stop()
    page.wait_for_selector("#link[data-link=offline]", timeout=15_000)
    assert "Disconnected" in page.inner_text("#notice")
    assert page.locator(".incident").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_small_screen(browser: Any, served: Served, scheme: str) -> None:
    visit = Visit(browser, served.base, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    for address in ("/", "/alerts", "/pipeline", "/app/box-support", "/app/wine-advice", "/app/nobody"):
        page = visit.open(address)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address
    assert visit.troubles == []
    visit.close()


def test_words_can_be_read_in_light_and_in_dark(browser: Any, served: Served) -> None:
    """Contrast of every text at least 4.5 : 1 (3 : 1 where it is large), by the formula of WCAG 2."""
    for scheme in ("light", "dark"):
        visit = Visit(browser, served.base, color_scheme=scheme)
        page = visit.open("/app/box-support")
        page.wait_for_selector(".moves")
        assert page.evaluate(CONTRAST) == []
        visit.close()


CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = (rgb) => {
    const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const part = rgb.slice(0, 3).map((v) => linear(v / 255));
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const rgb = parse(getComputedStyle(at).backgroundColor);
      if (rgb.length === 3 || rgb[3] > 0.99) return rgb;
    }
    return [255, 255, 255];
  };
  const weak = [];
  for (const node of document.querySelectorAll("body *:not(.plot *)")) {
    const words = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!words || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(parse(style.color)), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const wanted = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
    if (ratio < wanted) weak.push(`${node.className}: ${node.textContent.slice(0, 40)} ${ratio.toFixed(2)}`);
  }
  return weak;
}"""
