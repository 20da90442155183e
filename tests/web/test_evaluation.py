"""What is said of evaluation, over HTTP."""

from datetime import UTC, datetime
from urllib.parse import quote

from starlette.testclient import TestClient

from app.adapters.status import InMemoryStatusStore
from app.settings import ApiSettings
from app.web.server import create_app
from tests.web import releases, samples, scores

NOW = datetime.now(UTC)


def test_scores_validity_judges_and_models_of_an_application_are_one_answer() -> None:
    store = InMemoryStatusStore()
    with TestClient(create_app(store, ApiSettings(fresh_seconds=0))) as client:
        assert client.portal is not None
        for fact in (*samples.quiet("box-search", NOW), releases.look(NOW), *scores.evaluation(NOW)):
            client.portal.call(samples.put, store, fact)
        (found,) = client.get("/v1/evaluation").json()["applications"]
        assert found["application"] == scores.APP
        (quality,) = found["quality"]
        assert quality["quality"]["comparisons"][0]["verdict"] == scores.WORSE
        assert found["validity"][0]["validity"]["releases"][0]["unknown"] == 0.06
        assert (len(found["judges"]), len(found["models"])) == (1, 1)
        assert client.get("/v1/evaluation?application=box-search").json() == {"applications": []}
        assert client.get("/v1/evaluation?application=nobody").status_code == 404
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
        assert {"Evaluations", "Quality", "Validity", "VersionQuality"} <= schemas.keys()
        path = quote(f"judge:{scores.JUDGE}", safe="")
        assert len(client.get(f"/v1/series/{scores.APP}/{path}").json()["points"]) == 1
        after = client.get(f"/v1/deployments/{scores.APP}/{scores.NEW}").json()
        assert "quality:helpful" in after["readings"]
