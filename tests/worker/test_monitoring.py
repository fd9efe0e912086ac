"""The files of deploy/prometheus and deploy/grafana, without a server."""

import json
import re

import pytest
import yaml

from tests.conftest import ROOT
from tests.worker.rules import promtool

DEPLOY = ROOT / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "sentiment.json").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
SHARES = yaml.safe_load((DEPLOY / "prometheus" / "shares.yml").read_text(encoding="utf-8"))
RECORDED = {rule["record"]: rule["expr"] for group in SHARES["groups"] for rule in group["rules"]}
SELECTOR = re.compile(r"([A-Za-z_][\w:]*)\{([^}]*)\}")
OF_PROMETHEUS = {"job", "instance", "le"}  # labels that no server gives itself


def queries() -> dict[str, str]:
    """Each expression of the dashboard and the rules by its place, with Grafana's variables filled in."""
    found = {
        f"{panel['title']}, {target['refId']}": target["expr"]
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    }
    found |= {rule["alert"]: rule["expr"] for rule in RULES} | RECORDED
    return {place: filled(expression) for place, expression in found.items()}


def filled(expression: str) -> str:
    return re.sub(r"\$(instance|model)\b", ".*", expression.replace("$__rate_interval", "1m"))


def named(expression: str) -> dict[str, set[str]]:
    """The metrics that an expression selects, each with the labels that the expression uses."""
    grouped = {label.strip() for labels in re.findall(r"by \(([^)]*)\)", expression) for label in labels.split(",")}
    return {
        metric: (grouped | set(re.findall(r"(\w+)\s*=", matchers))) - OF_PROMETHEUS
        for metric, matchers in SELECTOR.findall(expression)
    }


def test_every_query_selects_metrics_in_the_form_the_tests_read():
    """A selector without braces would escape `named`: words that are not selected are functions and labels alone."""
    known = {"sum", "max", "rate", "histogram_quantile", "unless", "group_left", "group_right", "and", "or", "on"}
    known |= {"increase", "label_replace", "clamp_min", "clamp_max", "count", "abs", "sqrt", "ln"}
    for place, expression in queries().items():
        rest = re.sub(r"(?:by|ignoring|on)? ?\([a-z_, ]*\)|\[[^]]*\]|\"[^\"]*\"", " ", SELECTOR.sub(" ", expression))
        assert set(re.findall(r"[A-Za-z_]\w+", rest)) <= known, place
        assert named(expression), place


def test_panels_have_titles_of_their_own_and_do_not_overlap():
    panels = DASHBOARD["panels"]
    assert len({panel["title"] for panel in panels}) == len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_dashboard_reads_the_provisioned_source():
    [source] = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    [chosen] = [variable for variable in DASHBOARD["templating"]["list"] if variable["type"] == "datasource"]
    assert (source["type"], source["uid"]) == (chosen["query"], chosen["current"]["value"])
    own = {"type": source["type"], "uid": "${datasource}"}
    assert all(target["datasource"] == own for panel in DASHBOARD["panels"] for target in panel["targets"])


def test_every_alert_says_how_bad_it_is_and_what_it_means():
    assert {rule["labels"]["severity"] for rule in RULES} <= {"critical", "warning", "info"}
    assert all(rule["annotations"]["summary"] for rule in RULES)
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_the_how_to_names_the_series_and_the_alerts_on_shares():
    page = (ROOT / "docs" / "pages" / "how-to" / "monitor.md").read_text(encoding="utf-8")
    named_series = set(re.findall(r"`(sentiment:\w+:\w+)`", page))
    assert named_series <= set(RECORDED)
    assert {name for name in RECORDED if name.startswith("sentiment:drift:")} <= named_series
    assert set(re.findall(r"`(Sentiment\w+)`", page)) == {
        rule["alert"] for rule in RULES if "sentiment:" in rule["expr"]
    }


@pytest.mark.requires("promtool")
def test_prometheus_takes_the_configuration_and_the_rules():
    done = promtool("check", "config", str(DEPLOY / "prometheus" / "prometheus.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"{len(rules)} rules found" in done.stdout for rules in (RULES, RECORDED))
