"""Acknowledging on the page: signed in, once, by name; and why not, where it is not possible."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from app.adapters.status import InMemoryStatusStore
from app.settings import ApiSettings
from app.web.hub import Hub
from app.web.server import create_app
from schemas.decisions import Acknowledgement
from tests.browser.conftest import Site
from tests.browser.visit import Visit
from tests.web import samples
from tests.web.served import Served

pytestmark = pytest.mark.browser
ADDRESS = "/incident/box-support-change-2"


class Taken:
    """Answers that went onto their topic."""

    def __init__(self) -> None:
        self.given: list[Acknowledgement] = []

    async def tell(self, answer: Acknowledgement) -> None:
        self.given.append(answer)


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def secured(browser: Any, taken: Taken) -> Iterator[Visit]:
    store = InMemoryStatusStore()
    Site.run(samples.fill(store, datetime.now(UTC)))
    settings = ApiSettings(token=SecretStr("t0ken"), fresh_seconds=0)
    with Served(create_app(store, settings, hub=Hub(store, poll_seconds=0.05), tell=taken.tell)) as base:
        visiting = Visit(browser, base)
        visiting.page.goto(base)
        visiting.page.get_by_label("Token of this server").fill("t0ken")
        visiting.page.get_by_role("button", name="Sign in").click()
        visiting.page.wait_for_selector("nav a")
        yield visiting
        visiting.close()


def test_who_signed_in_acknowledges_by_name(secured: Visit, taken: Taken) -> None:
    page = secured.open(ADDRESS)
    page.get_by_label("Your name").fill("ada")
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_text("Sent. It takes effect").wait_for()
    (given,) = taken.given
    assert (given.incident, given.action, given.by) == ("box-support-change-2", "acknowledge", "ada")
    page.reload()
    page.wait_for_selector(".answer input")
    assert page.get_by_label("Your name").input_value() == "ada"


def test_closing_is_asked_about_first(secured: Visit, taken: Taken) -> None:
    page = secured.open(ADDRESS)
    page.get_by_role("button", name="Close by hand").click()  # the visit dismisses every question
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_text("Sent. It takes effect").wait_for()
    assert [given.action for given in taken.given] == ["acknowledge"]
    assert [told for told in secured.troubles if "401" not in told] == ["Close this incident for everybody?"]


def test_a_server_without_a_token_says_why_it_takes_none(visit: Visit) -> None:
    page = visit.open(ADDRESS)
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_text("Set api.token").wait_for()
    assert all("403" in trouble for trouble in visit.troubles)


def test_an_incident_that_is_over_is_not_answered(visit: Visit) -> None:
    page = visit.open("/incident/box-support-change-1")
    page.wait_for_selector("h1")
    assert page.get_by_role("button", name="Acknowledge").count() == 0
