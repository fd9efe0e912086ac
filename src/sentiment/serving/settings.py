"""Server settings, rendered as TorchServe's config.properties, log4j2.xml and metrics.yaml."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

import yaml
from annotated_types import Ge, Gt

from sentiment.serving.java import MALLOC, torchserve_folder
from sentiment.serving.ports import LOOPBACK, Port, reachable
from sentiment.serving.tls import PLAIN, Tls
from sentiment.worker.metrics import METRICS

DAY = 1440.0  # min
LogLevel = Literal["debug", "info", "warn", "error"]
LogsTo = Literal["files", "stdout"]
Backend = Literal["torchserve", "granian"]

SAID = r"%replace{%m}{\?\S*(?= HTTP/)}{?}"  # request lines without the query string, which may hold a user's text
PLAIN_LINE = f"%d{{ISO8601}} [%-5p] %t %c - {SAID}%n"
JSON_LINE = (
    '{"time": "%d{ISO8601}", "level": "%p", "thread": "%enc{%t}{JSON}", "logger": "%c", '
    f'"message": "%enc{{{SAID}}}{{JSON}}"}}%n'
)
# The model log stays at INFO, the level of worker tracebacks; only the line about each batch is dropped.
QUIET = '<RegexFilter regex=".*Backend received inference at: .*" onMatch="DENY" onMismatch="NEUTRAL"/>'
LOG4J2 = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration>
  <Appenders>
    <Console name="console" target="SYSTEM_ERR">{quiet}<PatternLayout pattern="{pattern}"/></Console>
{files}  </Appenders>
  <Loggers>
    <Logger name="ACCESS_LOG" level="{level}" additivity="false">{access}</Logger>
    <Logger name="MODEL_LOG" level="info" additivity="false">{model}</Logger>
    <Logger name="io.netty" level="error"/>
    <Logger name="org.apache" level="off"/>
    <Root level="{level}"><AppenderRef ref="console"/><AppenderRef ref="ts_log"/></Root>
  </Loggers>
</Configuration>
"""
LOG_FILE = """\
    <RollingFile name="{name}" fileName="${{env:LOG_LOCATION}}/{name}.log"
                 filePattern="${{env:LOG_LOCATION}}/{name}.%i.log.gz">
      {quiet}
      <PatternLayout pattern="{pattern}"/>
      <SizeBasedTriggeringPolicy size="100 MB"/>
      <DefaultRolloverStrategy max="5"/>
    </RollingFile>
"""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of one server; by default all three APIs listen on loopback."""

    model_store: Path
    work_dir: Path
    models: Sequence[str] | None = None
    backend: Backend = "torchserve"
    host: str = LOOPBACK
    management_host: str = LOOPBACK
    metrics_host: str = LOOPBACK
    inference_port: Port = 8080
    management_port: Port = 8081
    metrics_port: Port = 8082
    tls: Tls = PLAIN
    token_auth: bool = True
    insecure: bool = False
    token_expiration_min: Annotated[float, Gt(0)] = DAY
    model_api: bool = False
    env_file: Path | None = None
    log_level: LogLevel = "warn"
    json_logs: bool = False
    logs: LogsTo = "files"
    startup_timeout: Annotated[float, Gt(0)] = 120.0  # s
    drain_seconds: Annotated[float, Ge(0)] = 20.0  # s, for pending requests at shutdown

    @property
    def hosts(self) -> dict[str, str]:
        return {"inference": self.host, "management": self.management_host, "metrics": self.metrics_host}

    @property
    def ports(self) -> dict[str, int]:
        return {"inference": self.inference_port, "management": self.management_port, "metrics": self.metrics_port}

    def address(self, api: str) -> str:
        """Return the URL at which a client on this machine reaches an API."""
        return f"{self.scheme}://{reachable(self.hosts[api])}:{self.ports[api]}"

    @property
    def scheme(self) -> str:
        return "https" if self.tls.on else "http"

    def properties(self, archives: Sequence[str], passed: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
        """Return the entries of config.properties.

        `allowed_urls` is a regular expression; archives inside the store are accepted without it.
        """
        store = Path(self.model_store).absolute()
        return {
            **{f"{api}_address": f"{self.scheme}://{self.hosts[api]}:{self.ports[api]}" for api in self.ports},
            **self._tls_properties(),
            "model_store": str(store),
            "load_models": ",".join(archives),
            "allowed_urls": f"file://{re.escape(str(store))}/.*",
            "enable_model_api": str(self.model_api).lower(),
            "disable_token_authorization": str(not self.token_auth).lower(),
            "token_expiration_min": str(self.token_expiration_min),
            "metrics_mode": "prometheus",
            "metrics_config": str(Path(self.work_dir).absolute() / "metrics.yaml"),
            "job_queue_size": "1000",
            "blacklist_env_vars": "|".join(MALLOC),
            "install_py_dep_per_model": "false",
            "grpc_inference_port": "0",  # gRPC is unused: 0 picks a free port, since two servers would clash at 7070
            "grpc_management_port": "0",
            **passed,
        }

    def _tls_properties(self) -> dict[str, str]:
        files = {"certificate_file": self.tls.certificate, "private_key_file": self.tls.key}
        return {name: str(Path(path).absolute()) for name, path in files.items() if path}

    def log4j2(self) -> str:
        """Return the log4j2 configuration.

        TorchServe logs each request at INFO. With logs to stdout the files still get load errors, but no requests.
        """
        pattern = JSON_LINE if self.json_logs else PLAIN_LINE
        line = {"pattern": pattern.replace('"', "&quot;"), "quiet": QUIET}
        files = "".join(LOG_FILE.format(name=name, **line) for name in ("access_log", "model_log", "ts_log"))
        stdout = self.logs == "stdout"
        access = refs("console") if stdout else refs("access_log")
        model = refs("model_log", "console") if stdout else refs("model_log")
        return LOG4J2.format(files=files, level=self.log_level, access=access, model=model, **line)


def refs(*appenders: str) -> str:
    return "".join(f'<AppenderRef ref="{name}"/>' for name in appenders)


def properties_text(properties: Mapping[str, str]) -> str:
    """Format settings as a Java properties file, with escaped backslashes."""
    return "".join(f"{name}={value.replace(chr(92), chr(92) * 2)}\n" for name, value in properties.items())


def metrics_text() -> str:
    """Return TorchServe's metrics.yaml, extended by the handler's metrics."""
    declared = yaml.safe_load((torchserve_folder() / "configs" / "metrics.yaml").read_text(encoding="utf-8"))
    for metric in METRICS:
        of_kind = declared["model_metrics"].setdefault(metric.kind, [])
        of_kind.append({"name": metric.name, "unit": metric.unit, "dimensions": list(metric.labels)})
    return yaml.safe_dump(declared, sort_keys=False)
