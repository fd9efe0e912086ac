"""The rules of deploy/prometheus on series of our own, evaluated by Prometheus' promtool."""

import re
import subprocess

import yaml

from tests.conftest import ROOT

PROMETHEUS = ROOT / "deploy" / "prometheus"
LINE = re.compile(r"\[METRICS\](\w+)\.\w+:([0-9.e-]+)\|#([^|]*)\|#type:(\w+)\|")
MINUTES = 105


def promtool(*arguments: str, **given) -> subprocess.CompletedProcess:
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, **given)


def series_of(messages) -> dict[str, float]:
    """What a scrape holds after a worker's log lines, as TorchServe sums them; histograms left out."""
    found: dict[str, float] = {}
    for message in messages:
        if match := LINE.search(message):
            name, value, dimensions, kind = match.groups()
            own = ",".join('{}="{}"'.format(*part.split(":", 1)) for part in dimensions.split(","))
            key = f'{name}{{job="sentiment",{own}}}'
            if kind == "COUNTER":
                found[key] = found.get(key, 0) + float(value)
            elif kind == "GAUGE":
                found[key] = float(value)
    return found


def values_of(series, *, later=None) -> dict[str, str]:
    """Values of each minute: counters rise once after five minutes, by `later` once more after an hour; gauges stay."""
    values = {}
    for key, value in series.items():
        if key.partition("{")[0].endswith("_total"):
            end = value + (later or {}).get(key, 0)
            values[key] = f"0x5 {value:.9f}x60 {end:.9f}x{MINUTES - 60}"
        else:
            values[key] = f"{value:.9f}x{MINUTES + 10}"
    return values


def check(folder, values: dict[str, str], expressions, *, minute: int = 60) -> None:
    """Assert that every expression is 1 at a minute: each is a comparison with `bool`, without labels."""
    test = {
        "interval": "1m",
        "input_series": [{"series": key, "values": own} for key, own in values.items()],
        "promql_expr_test": [
            {"expr": one, "eval_time": f"{minute}m", "exp_samples": [{"labels": "{}", "value": 1}]}
            for one in expressions
        ],
    }
    files = [str(PROMETHEUS / name) for name in ("shares.yml", "alerts.yml")]
    path = folder / "tests.yml"
    path.write_text(yaml.safe_dump({"rule_files": files, "evaluation_interval": "1m", "tests": [test]}))
    done = promtool("test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def near(selector: str, value: float, *, within: float = 1e-4) -> str:
    return f"sum(abs({selector} - {value:.9f})) < bool {within}"


def firing(alert: str, count: int, *, model: str) -> str:
    at = f'{{alertname="{alert}", alertstate="firing", model_name=~"{model}"}}'
    return f"(count(ALERTS{at}) or vector(0)) == bool {count}"
