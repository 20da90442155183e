"""The page in a real browser: what is shown, to whom, and where a link leads."""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from tests.browser.conftest import Site
from tests.browser.visit import Visit
from tests.web import samples, scores, trouble

pytestmark = pytest.mark.browser
VIEWS = (
    "/",
    "/alerts",
    "/evaluation",
    "/pipeline",
    "/app/box-support",
    "/app/box-support?monitor=gap",
    "/app/wine-advice",
    "/app/nobody",
    "/incident/box-support-change-2",
    "/incident/none",
)


def test_an_application_in_trouble_is_told_whole(visit: Visit) -> None:
    page = visit.open("/app/box-support")
    page.wait_for_selector(".plot .scatterlayer")
    text = page.inner_text("main")
    for said in (
        trouble.SUMMARY,
        "Critical incident",
        "2026.03.2",
        "11.",
        "refund · voucher · code",
        "+13.3 points",
        "assistant 2026.03.2",
    ):
        assert said in text
    for title in (
        "What moved",
        "Language, code and form",
        "Where it happens",
        "Watches",
        "Counted so far",
        "Deployments",
        "Pipeline",
    ):
        assert page.get_by_role("heading", name=title).is_visible()
    marks = page.locator(".plot >> nth=0").locator(".annotation-text").all_text_contents()
    assert {"onset", "2026.03.2", "threshold"} <= set(marks)
    gap = visit.open("/app/box-support?monitor=gap")
    gap.get_by_role("heading", name="What the eval set hardly has").wait_for()
    shown = gap.inner_text("main")
    for said in ("invoice · split · flatmate", "Scarce share", "9.0 %"):
        assert said in shown
    assert visit.troubles == []
    assert visit.hosts == {urlsplit(visit.base).netloc}  # nothing comes from elsewhere


def test_every_monitor_has_its_tab_also_one_never_heard_of(visit: Visit, site: Site) -> None:
    now = datetime.now(UTC)
    novel = samples.quiet("box-support", now)
    site.put(*(msgspec.structs.replace(r, monitor="outcomes:resolved", id=f"n{r.id}") for r in novel))
    part = msgspec.structs.replace(novel[-1], monitor="outcomes:resolved", segment="language=de", id="part")
    site.put(part)
    page = visit.open("/app/box-support")
    tabs = page.get_by_role("navigation", name="Monitors").get_by_role("link")
    assert [name.split("(")[0].strip() for name in tabs.all_inner_texts()] == [
        "Change",
        "Gap to the eval set",
        "Outcomes: resolved",
    ]
    tabs.nth(2).click()
    page.wait_for_selector(".plot .scatterlayer")
    assert page.url.endswith("monitor=outcomes%3Aresolved")
    assert page.get_by_role("heading", name="Drift score against its threshold").is_visible()
    assert "What moved" not in page.inner_text("main")
    page.get_by_role("region", name="Segments").get_by_role("link", name="language=de").click()
    page.wait_for_function("() => location.hash.includes('language')")
    assert "Outcomes: resolved, language de" in page.inner_text("main")
    assert visit.troubles == []


def test_an_incident_shows_all_its_evidence(visit: Visit) -> None:
    page = visit.open("/app/box-support")
    page.get_by_role("link", name="All its evidence").click()
    page.wait_for_selector(".plot .scatterlayer")
    text = page.inner_text("main")
    for said in (trouble.SUMMARY, "refund · voucher · code", "on-call (pagerduty)", "503", "sent", "6377"):
        assert said in text
    assert "A larger model that writes longer answers" in text
    advice = page.get_by_role("region", name="What to do").inner_text()
    assert "promptdrift baseline renew --application box-support" in advice
    assert page.title() == "box-support-change-2 · promptdrift"
    assert visit.troubles == []


def test_a_link_says_exactly_what_was_counted(visit: Visit, visits: Callable[..., Visit]) -> None:
    page = visit.open("/incident/box-support-change-2")
    address = page.get_by_role("link", name="the exact range").get_attribute("href")
    asked = parse_qs(address.partition("?")[2])
    assert (asked["monitor"], asked["offsets"]) == (
        ["change"],
        ["0.4021.6377~1772438400.25~1772438414.75_3.18.960"],
    )
    start, end = (datetime.fromisoformat(asked[name][0]) for name in ("from", "to"))
    assert end - start == 8 * trouble.STEP

    opened = visits().open(address.removeprefix("#"))  # another browser that knows nothing but the link
    opened.wait_for_selector(".plot .scatterlayer")
    card = opened.get_by_role("region", name="What is counted").first
    rows = [row.all_inner_texts() for row in (r.locator("td") for r in card.locator("tbody tr").all())]
    assert [row[:3] for row in rows] == [["0", "4021", "6377"], ["3", "18", "960"]]
    assert rows[0][3:] == ["2026-03-02 08:00:00.250 UTC", "2026-03-02 08:00:14.750 UTC"]
    shown = [each.get_attribute("datetime") for each in card.locator("dl time").all()]
    assert [datetime.fromisoformat(text) for text in shown] == [start, end]
    drawn = opened.evaluate(
        "document.querySelector('.plot').layout.xaxis.range.map((t) => Date.parse(t + 'Z'))"
    )
    assert [at / 1000 for at in drawn] == pytest.approx([start.timestamp(), end.timestamp()], abs=0.001)
    assert card.get_by_role("link", name="is the one of this link").get_attribute("href") == address
    opened.get_by_role("link", name="Show all of it").click()
    opened.wait_for_function("() => document.querySelector('.plot').layout.xaxis.autorange !== false")


def test_an_incident_has_a_map_of_what_was_and_what_is_said(visit: Visit) -> None:
    page = visit.open("/incident/box-support-change-2")
    card = page.get_by_role("region", name="Map of prompts").first
    page.wait_for_selector(".map .legendtext")
    named = card.locator(".legendtext").all_text_contents()
    assert named[:2] == ["baseline", "now, everything else"]
    assert "refund · voucher · code" in named
    card.get_by_text("As a table").click()
    assert "240 dots" in card.inner_text()
    with page.expect_console_message(lambda said: "404" in said.text):
        page.goto(f"{visit.base}#/incident/none")  # nothing is drawn of nothing
    page.wait_for_function("() => !document.querySelector('.map .legendtext')")
    assert visit.troubles == [
        "Failed to load resource: the server responded with a status of 404 (Not Found)"
    ]


def test_a_zoom_is_in_the_address(visit: Visit) -> None:
    page = visit.open("/app/box-support")
    page.wait_for_selector(".plot .scatterlayer")
    zoom = "Plotly.relayout(document.querySelector('.plot'), {'xaxis.range': [%s]})"
    points = "document.querySelector('.plot').data[1].x"
    page.evaluate(zoom % f"{points}[20], {points}[60]")
    page.wait_for_function("() => location.hash.includes('from=')")
    page.get_by_role("link", name="Show all of it").wait_for()
    address = page.url.partition("#")[2]
    page.reload()
    page.wait_for_selector(".plot .scatterlayer")
    assert page.url.partition("#")[2] == address
    assert page.evaluate(f"document.querySelector('.plot').layout.xaxis.range[0] === {points}[20]")


def test_learning_shows_how_far_it_is(visit: Visit) -> None:
    page = visit.open("/app/box-coach")
    assert page.get_by_role("progressbar").get_attribute("aria-valuenow") == "32"
    assert "640 units" in page.inner_text("main")
    assert page.locator(".plot:visible").count() == 0
    assert visit.troubles == []


def test_a_pause_of_traffic_is_told_in_words(visit: Visit, site: Site) -> None:
    last = samples.quiet("box-search", datetime.now(UTC))[-1]
    site.put(msgspec.structs.replace(last, id="partial", note="partial window", units=19))
    page = visit.open("/app/box-search")
    said = page.inner_text(".callout")
    assert "Traffic has paused" in said
    assert "19 units" in said
    assert "partial" not in said.lower()


def test_the_overview_puts_trouble_first_and_works_by_keyboard(visit: Visit) -> None:
    page = visit.open("/")
    page.wait_for_selector(".tile")
    assert page.locator(".tile h2").all_inner_texts() == [
        "box-support",
        "wine-advice",
        "box-coach",
        "box-search",
    ]
    for _ in range(8):  # skip link, brand, five views, first tile
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".incident")
    assert page.url.endswith("#/app/box-support")
    assert page.title() == "box-support · promptdrift"


def test_the_evaluation_view_shows_sets_coverage_and_scores(visit: Visit, site: Site) -> None:
    site.put(*scores.evaluation(datetime.now(UTC)))
    page = visit.open("/evaluation")
    for shown in ("evalset-2026-02", "Task accuracy: box-support"):
        page.get_by_text(shown).first.wait_for()
    text = page.inner_text("main")
    for said in (
        "12 % (9.8 % to 14 %)",
        "9.0 % (6.1 % to 12 %)",
        "recipe · oven · minutes",
        "640",
        "every application",
    ):
        assert said in text
    for said in (
        "0.74 (0.72 to 0.76)",
        "0.71 (0.67 to 0.75), 60 labels",
        scores.WORSE,
        "answers \u22120.10 (\u22120.15 to \u22120.05), questions \u22120.02",
        "7 not scored although chosen",
        "Candidates: box-support",
        "+0.07 (+0.04 to +0.10)",
        "0.78 (0.76 to 0.80)",
        "of 3 pairs of releases that live quality tells apart, the eval score orders 2 alike",
        "40 % learned",
        "evalset-3d4e5f waits for a review and an approval.",
        "430 items, 400 of them the core; 187 are new; 32 expected answers nobody has verified; 140 without",
        "stakes: minors: 4 of 10; it cannot be approved before",
        "12 % (10 % to 14 %)",
        "3.0 % (2.0 % to 5.0 %)",
        "168 more items",
        "21 %, now 1.0 %",
        "no live traffic in its stratum: <img src=x",
    ):
        assert said in text, said
    page.get_by_text("by cluster").click()
    page.get_by_text("0.51 (0.49 to 0.53)").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_small_screen_and_can_be_read(
    visits: Callable[..., Visit], site: Site, scheme: str
) -> None:
    """Nothing is wider than 360 px; contrast of every text at least 4.5 : 1 (3 : 1 where it is large)."""
    site.put(*scores.evaluation(datetime.now(UTC)))
    visit = visits(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    for address in VIEWS:
        page = visit.open(address)
        page.wait_for_timeout(150)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address
        assert page.evaluate(CONTRAST) == [], address
    assert [trouble for trouble in visit.troubles if "404" not in trouble] == []  # the incident that is none


def test_every_control_has_a_name_and_every_image_a_text(visit: Visit) -> None:
    for address in VIEWS:
        page = visit.open(address)
        page.wait_for_timeout(150)
        assert page.evaluate(NAMELESS) == [], address
        assert page.locator("h1").count() == 1, address
    page = visit.open("/pipeline")
    page.get_by_role("heading", name="Judges and candidates").wait_for()
    assert "refused: HTTP 503" in page.inner_text("main")


RANGE = "document.querySelector('.plot').layout.xaxis.range"
NAMELESS = """() => {
  const kinds = "a, button, select, input, summary, img, [role=img], [tabindex='0']";
  const named = (node) =>
    node.innerText?.trim() || node.ariaLabel || node.labels?.length || node.hasAttribute("alt");
  return [...document.querySelectorAll(kinds)]
    .filter((node) => node.checkVisibility() && !named(node))
    .map((node) => node.outerHTML.slice(0, 120));
}"""
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
