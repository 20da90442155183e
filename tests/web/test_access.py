"""Who may ask, how often and from where; and what every answer carries."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from app.adapters.status import InMemoryStatusStore
from app.settings import ApiSettings
from app.web.guard import COOKIE, session_of
from app.web.server import create_app
from tests.web.asking import PROBLEM


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for path in ("/", "/static/main.js", "/v1/status", "/v1/nothing", "/livez"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe-eval" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


class TestToken:
    @pytest.fixture
    def client(self, store: InMemoryStatusStore) -> Iterator[TestClient]:
        with TestClient(
            create_app(store, ApiSettings(token=SecretStr("s3cret"), fresh_seconds=0)), follow_redirects=False
        ) as client:
            yield client

    @pytest.mark.parametrize(
        "path", ["/v1/status", "/metrics", "/openapi.json", "/static/main.js", "/", "/v1/events"]
    )
    @pytest.mark.parametrize(
        "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic s3cret"}]
    )
    def test_nothing_is_told_without_it(self, client: TestClient, path: str, headers: dict[str, str]) -> None:
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.json()["field"] == "Authorization"

    def test_with_it_everything_is(self, client: TestClient) -> None:
        for path in ("/v1/status", "/metrics", "/", "/openapi.json"):
            assert client.get(path, headers={"Authorization": "Bearer s3cret"}).status_code == 200

    @pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
    def test_probes_need_none(self, client: TestClient, path: str) -> None:
        assert client.get(path).status_code == 200

    def test_a_browser_signs_in_and_gets_a_cookie_that_is_not_the_token(self, client: TestClient) -> None:
        asked = client.get("/", headers={"Accept": "text/html"})
        assert (asked.status_code, "<form" in asked.text) == (401, True)
        wrong = client.post("/session", content="token=guess")
        assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
        right = client.post("/session", content="token=s3cret")
        assert right.status_code == 303
        cookie = right.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in cookie.split(";")}
        assert "s3cret" not in cookie
        assert client.get("/v1/status").status_code == 200  # the client keeps the cookie

    @pytest.mark.parametrize(
        "foreign", ["theme=dark", 'prefs={"a": 1}', "a/b=1", "{g}=1", "k=a b", 'x="q', "=", "", "x=é"]
    )
    def test_cookies_of_others_on_the_host_change_nothing(self, client: TestClient, foreign: str) -> None:
        def status(cookies: str, authorization: str = "") -> int:
            sent = [(b"cookie", cookies.encode("latin-1")), (b"authorization", authorization.encode())]
            return client.get("/v1/status", headers=sent).status_code

        own = f"{COOKIE}={session_of('s3cret')}"
        assert [status(f"{foreign}; {own}"), status(f"{own}; {foreign}")] == [200, 200]
        assert [status(foreign), status(f"{foreign}; {COOKIE}=wrong")] == [401, 401]
        assert status(foreign, "Bearer s3cret") == 200


def test_an_address_that_asks_too_often_is_told_to_wait(store: InMemoryStatusStore) -> None:
    slow = ApiSettings(requests_per_second=2)
    with TestClient(create_app(store, slow)) as one, TestClient(create_app(store, slow)) as other:
        answers = [one.get("/v1/applications") for _ in range(5)]
        assert [a.status_code for a in answers] == [200] * 4 + [429]
        refused = answers[-1]
        assert (refused.headers["content-type"], refused.headers["retry-after"]) == (PROBLEM, "1")
        assert refused.json()["remedy"]
        assert (
            one.get("/livez").status_code == one.get("/readyz").status_code == 200
        )  # probes are not counted
        assert other.get("/v1/applications").status_code == 200


def test_other_origins_are_answered_only_where_they_are_named(store: InMemoryStatusStore) -> None:
    asked = {"Origin": "https://wiki.example", "Access-Control-Request-Method": "GET"}
    with TestClient(create_app(store)) as client:
        assert "access-control-allow-origin" not in client.get("/v1/status", headers=asked).headers
        assert client.options("/v1/status", headers=asked).status_code == 405
    named = ApiSettings(cors_origins=["https://wiki.example"], token=SecretStr("s3cret"))
    with TestClient(create_app(store, named)) as client:
        ready = client.options("/v1/status", headers=asked)  # no token: a browser sends none here
        assert ready.status_code == 200
        assert ready.headers["access-control-allow-origin"] == "https://wiki.example"
        stranger = client.options("/v1/status", headers={**asked, "Origin": "https://elsewhere.example"})
        assert "access-control-allow-origin" not in stranger.headers
        assert client.get("/v1/status", headers=asked).status_code == 401
