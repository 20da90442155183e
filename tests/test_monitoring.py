"""Rules and dashboard ask for metrics that exist, with labels that they carry; help is where they say."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from agents import telemetry
from app.web.metrics import Gauges
from tests.rig.pages import headings, slug

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "k8s" / "monitoring"
RULES = [
    rule
    for group in yaml.safe_load((FOLDER / "rules.yaml").read_text())["spec"]["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
METRIC = re.compile(r"promptdrift_[a-z_]+")
SUFFIXES = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
GENERAL = {"le", "instance", "pod", "job"}  # put there by Prometheus
VARIABLES = {"$application": "shop", "$__rate_interval": "1m", "$__interval": "1m"}


def known() -> dict[str, set[str]]:
    """Every metric that is exported, under every name that Prometheus stores it, and its labels."""
    metrics = [m for m in vars(telemetry).values() if isinstance(m, MetricWrapperBase)]
    metrics += [m for m in vars(Gauges()).values() if isinstance(m, MetricWrapperBase)]
    found: dict[str, set[str]] = {}
    for metric in metrics:
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(
            str(metric._type), [""]
        )
        for suffix in suffixes:
            found[metric._name + suffix] = set(metric._labelnames)
    return found


KNOWN = known()


def expressions() -> Iterator[tuple[str, str]]:
    """Every query and where it stands."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for note in DASHBOARD["annotations"]["list"]:
        yield note["name"], note["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["definition"]


def labels(text: str) -> set[str]:
    """Names of labels that a query uses: in braces, behind `by` and `on`, in a legend."""
    matched = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", text)
    grouped = re.findall(r"\b(?:by|on|without)\s*\(([^)]*)\)", text)
    return set(matched) | {name.strip() for group in grouped for name in group.split(",") if name.strip()}


@pytest.mark.parametrize(("where", "query"), list(expressions()))
def test_a_query_asks_for_what_is_exported(where: str, query: str) -> None:
    metrics = set(METRIC.findall(query))
    assert metrics, where
    assert metrics <= set(KNOWN), where
    carried = {label for name in metrics for label in KNOWN[name]}
    assert labels(query) <= carried | GENERAL, where


def test_legends_name_labels_of_their_query() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert named <= labels(target["expr"]), panel["title"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_says_what_it_means_and_where_help_is(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"]["summary"].endswith(".")
    file, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert anchor in map(slug, headings((ROOT / file).read_text()))
    used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert used <= labels(rule["expr"])


def test_every_metric_that_tells_of_trouble_is_in_the_dashboard() -> None:
    shown = {name for _, query in expressions() for name in METRIC.findall(query)}
    for name in ("consumer_lag_seconds", "records_dead_lettered_total", "monitor_state", "circuit_open"):
        assert f"promptdrift_{name}" in shown


def test_the_dashboard_is_classic_and_names_no_data_source_of_ours() -> None:
    assert DASHBOARD["schemaVersion"] <= 39  # imports into Grafana 9 to 13
    assert "id" not in DASHBOARD
    uids = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"] if "datasource" in panel}
    assert uids == {"${datasource}"}
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_what_is_scraped_are_ports_of_the_pods() -> None:
    monitors = list(yaml.safe_load_all((FOLDER / "scrape.yaml").read_text()))
    ports: dict[str, set[str]] = {}
    for name in ("worker", "notifier", "evaluator", "api"):
        workload = next(iter(yaml.safe_load_all((ROOT / "k8s" / "base" / f"{name}.yaml").read_text())))
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        ports[name] = {port["name"] for port in container["ports"]}
    agents, api = ({e["port"] for e in m["spec"]["podMetricsEndpoints"]} for m in monitors)
    assert agents <= ports["worker"] & ports["notifier"] & ports["evaluator"]
    assert api <= ports["api"]


def test_prometheus_itself_can_read_every_query(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool on PATH")
    rules = [{"record": f"q:{n}", "expr": _filled(query)} for n, (_, query) in enumerate(expressions())]
    rules = [rule for rule in rules if not rule["expr"].startswith("label_values")]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": [*rules, *RULES]}]}))
    done = subprocess.run([promtool, "check", "rules", str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def _filled(query: str) -> str:
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query


def test_kustomize_accepts_it() -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not on PATH")
    done = subprocess.run([kubectl, "kustomize", str(FOLDER)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    kinds = [document["kind"] for document in yaml.safe_load_all(done.stdout)]
    assert sorted(kinds) == ["ConfigMap", "PodMonitor", "PodMonitor", "PrometheusRule"]
