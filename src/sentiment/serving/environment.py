"""Environment variables: the TorchServe settings accepted as TS_<NAME>, and the env file for its processes."""

import re
from collections.abc import Mapping
from pathlib import Path

from sentiment.config.signatures import nearest
from sentiment.errors import ConfigError

PASSED = (
    "blacklist_env_vars", "cors_allowed_headers", "cors_allowed_methods", "cors_allowed_origin", "cpu_launcher_args",
    "cpu_launcher_enable", "disable_system_metrics", "initial_worker_port", "job_queue_size", "max_request_size",
    "max_response_size", "netty_client_threads", "number_of_gpu", "number_of_netty_threads", "prefer_direct_buffer",
    "unregister_model_timeout",
)  # fmt: skip
KEYS = {
    "TS_INFERENCE_ADDRESS": "host and inference_port",
    "TS_MANAGEMENT_ADDRESS": "management_host and management_port",
    "TS_METRICS_ADDRESS": "metrics_host and metrics_port",
    "TS_MODEL_STORE": "model_store",
    "TS_LOAD_MODELS": "models",
    "TS_ENABLE_MODEL_API": "model_api",
    "TS_DISABLE_TOKEN_AUTHORIZATION": "token_auth",
    "TS_TOKEN_EXPIRATION_TIME_MIN": "token_expiration_min",
    "TS_TOKEN_EXPIRATION_MIN": "token_expiration_min",
    "TS_ALLOWED_URLS": "model_store",
    "TS_CERTIFICATE_FILE": "tls.certificate",
    "TS_PRIVATE_KEY_FILE": "tls.key",
    "TS_KEYSTORE": "tls.certificate and tls.key",
    "TS_KEYSTORE_PASS": "tls.certificate and tls.key",
    "TS_KEYSTORE_TYPE": "tls.certificate and tls.key",
    "TEMP": "work_dir",
    "TMPDIR": "work_dir",
    "LOG_LOCATION": "work_dir",
    "METRICS_LOCATION": "work_dir",
}
FIXED = (
    "TS_CONFIG_FILE", "TS_METRICS_MODE", "TS_METRICS_CONFIG", "TS_SERVICE_ENVELOPE", "TS_DEFAULT_SERVICE_HANDLER",
    "TS_INSTALL_PY_DEP_PER_MODEL", "TS_GRPC_INFERENCE_PORT", "TS_GRPC_MANAGEMENT_PORT", "TS_MODEL_SERVER_HOME",
)  # fmt: skip
UNUSED = (  # settings that serve does not pass on; TorchServe would read them from its own config file
    "async_logging", "cpp_log_config", "debug", "decode_input_request", "default_response_timeout",
    "default_startup_timeout", "default_workers_per_model", "enable_envvars_config", "enable_grpc_ssl",
    "enable_metrics_api", "grpc_inference_address", "grpc_management_address", "initial_distribution_port", "io_ratio",
    "ipex_enable", "ipex_gpu_enable", "limit_max_image_pixels", "metric_time_interval", "model_metrics_auto_detect",
    "model_snapshot", "models", "plugins_path", "system_metrics_cmd", "use_env_allowed_urls", "use_native_io", "vmargs",
    "workflow_store",
)  # fmt: skip
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_env_file(path: Path) -> dict[str, str]:
    """Read the KEY=VALUE lines of an env file.

    Comment lines with #, an `export ` prefix and quotes around a value are allowed.

    Raises:
        ConfigError: The file does not exist, or a line is malformed.
    """
    if not path.is_file():
        raise ConfigError(f"env_file={path}: no such file")
    variables = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not name or name.startswith("#"):
            continue
        if not equals or not NAME.fullmatch(name.strip()):
            raise ConfigError(f"{path}, line {number}: expected KEY=VALUE or a # comment")  # the line may hold a secret
        value = value.strip()
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
        variables[name.strip()] = value[1:-1] if quoted else value
    return variables


def torchserve_settings(environment: Mapping[str, str], file: Mapping[str, str]) -> dict[str, str]:
    """Return the TorchServe settings given as TS_ variables; the environment takes precedence over the env file.

    TS_ variables of the environment that TorchServe does not know are ignored, since they belong to other tools.

    Raises:
        ConfigError: A variable duplicates a key of serve, sets a value that this server fixes or does not pass on, or
            is unknown in the env file.
    """
    names = {f"TS_{setting.upper()}": setting for setting in PASSED}
    for name in [*(name for name in environment if name.startswith("TS_")), *file]:
        if name in KEYS:
            raise ConfigError(f"{name} is set, and {KEYS[name]} of sentiment serve sets the same; unset {name}")
        if name in FIXED:
            raise ConfigError(f"{name} is set, and this server cannot do without its own value; unset {name}")
        if name.startswith("TS_") and name[3:].lower() in UNUSED:
            raise ConfigError(f"{name} is set, and would change nothing: serve does not pass it on; unset {name}")
        if name in file and name.startswith("TS_") and name not in names:
            raise ConfigError(f"{name} is none of the settings of TorchServe that may be set{nearest(name, names)}")
    return {
        setting: {**file, **environment}[name] for name, setting in names.items() if name in {**file, **environment}
    }
