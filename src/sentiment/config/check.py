"""Config validation: an unknown key or an invalid value fails before any work starts."""

import copy
import inspect
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError, InterpolationResolutionError

from sentiment.config import extras
from sentiment.config.keys import check_effective
from sentiment.config.resources import bundled
from sentiment.config.signatures import check_node, nodes, suggestion
from sentiment.config.targets import targets
from sentiment.errors import ConfigError
from sentiment.shell import written

DEFAULT_PORTS = {"http": 80, "https": 443}
SHARED = {"paths", "run", "server", "management_url"}  # keys that exist for interpolation; a command need not take them


def register_resolvers() -> None:
    """Register the OmegaConf resolvers that conf/ uses, e.g. ${bundled:data/demo} or ${precision:cpu}."""
    OmegaConf.register_new_resolver("bundled", lambda name: str(bundled(name)), replace=True)
    OmegaConf.register_new_resolver("precision", precision, replace=True)
    OmegaConf.register_new_resolver("fused", lambda precision: str(precision) != "16-mixed", replace=True)
    OmegaConf.register_new_resolver("run_folder", run_folder, replace=True)
    OmegaConf.register_new_resolver("mode", mode, replace=True)
    OmegaConf.register_new_resolver(
        "port", lambda server: port(server) or DEFAULT_PORTS[urlsplit(server).scheme], replace=True
    )
    OmegaConf.register_new_resolver("management_url", management_url, replace=True)
    OmegaConf.register_new_resolver("needed", require_value, replace=True)


def precision(accelerator: str) -> str:
    """Choose bf16-mixed if the device multiplies bf16 matrices natively (GPU, AVX512-BF16 or AMX), else 32-true."""
    import torch

    if accelerator in ("gpu", "cuda") or (accelerator == "auto" and torch.cuda.is_available()):
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16-mixed" if native else "32-true"


def mode(monitor: str) -> str:
    """Return "max" or "min", the direction in which the monitored metric improves."""
    # config must not import training, so the function is looked up by name
    return str(get_object("sentiment.training.monitors.mode_of")(str(monitor)))


def run_folder(outputs: str | None, run_name: str, resume: str | None) -> str:
    return resume or str(Path(require_folder("paths.output_dir", outputs)) / run_name)


def require_folder(key: str, value: str | None) -> str:
    """Return the folder. Raises ConfigError for none, as of a variable of the environment that is not set."""
    if not (value or "").strip():
        raise ConfigError(f"{key}=: expected the path of a folder, got nothing")
    return str(value)


def port(server: str) -> int | None:
    """Return the port that an address names, if any. Raises ConfigError for what is no address of a server."""
    try:
        parts = urlsplit(str(server))
        named = parts.port
    except ValueError as error:
        raise ConfigError(f"server={server}: {error}; expected http://HOST:PORT") from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ConfigError(f"server={written(server)}: expected http://HOST:PORT or https://HOST:PORT")
    return named


def management_url(server: str) -> str | None:
    """Return the address of the port after that of `server`, where TorchServe's management API is; None without one."""
    named = port(server)
    return None if named is None else str(server).rstrip("/").removesuffix(str(named)) + str(named + 1)


def require_value(key: str, value: str | None) -> str:
    """Return the value. Raises ConfigError where it is null."""
    if value is None:
        raise ConfigError(f"{key}=null: this command needs it; set {key}=http://HOST:PORT")
    return value


def require(cfg: DictConfig) -> None:
    """Check that every mandatory key has a value and every interpolation resolves.

    Raises:
        ConfigError: A key is still ???, or refers to a key that was removed.
    """
    try:
        if missing := sorted(OmegaConf.missing_keys(cfg)):
            raise ConfigError(f"{missing[0]} is required and has no value; set {missing[0]}=...")
        OmegaConf.resolve(copy.deepcopy(cfg))
    except InterpolationKeyError as error:
        reason = str(error).splitlines()[0].removeprefix("Interpolation key ")
        raise ConfigError(f"{error.full_key} needs the key {reason}; do not remove it") from error
    except InterpolationResolutionError as error:
        raise of_resolver(error) from None


def of_resolver(error: BaseException) -> BaseException:
    """Return the ConfigError that a resolver raised, which OmegaConf keeps as context; else the error itself."""
    inner: BaseException | None = error
    while inner is not None and not isinstance(inner, ConfigError):
        inner = inner.__context__
    return inner or error


def check_groups(cfg: DictConfig) -> None:
    """Reject unknown keys in the mappings without a `_target_`: paths, callbacks and logger."""
    files = ["paths/default.yaml", *(["remote/default.yaml"] if "server" in cfg else [])]
    loaded: list[Any] = [OmegaConf.load(bundled("conf") / file) for file in files]
    unknown(cfg.get("paths", {}), [key for one in loaded for key in one.get("paths", one)], "paths.")
    for group in ("callbacks", "logger"):
        members = cfg.get(group) or OmegaConf.create()
        names = [str(name) for name in members]
        wired = [name for name in names if members[name] is None or OmegaConf.select(members, f"{name}._target_")]
        unknown(members, wired, f"{group}.")


def unknown(node: Any, known: list[Any], prefix: str = "") -> None:
    names = [f"{prefix}{name}" for name in known]
    for key in (f"{prefix}{key}" for key in node):
        if key not in names:
            raise ConfigError(f"unknown key {key}{suggestion(key, names)}")


def check_extras(cfg: DictConfig) -> None:
    """Check that the extras of every `_target_` are installed. Interpolations stay: they may import such packages."""
    extras.require("this command", [str(target) for _, target in targets(OmegaConf.to_container(cfg))])


def call(cfg: DictConfig, hydra: Any) -> DictConfig:
    """Validate a command's config, which is not modified, and reduce it to the arguments of its `_target_`.

    Returns:
        A resolved copy without those of the `SHARED` keys that the target does not take.

    Raises:
        ConfigError: A key is unknown or does nothing, or a value is missing or invalid.
        MissingPackageError: An extra is not installed.
    """
    check_extras(cfg)
    require(cfg)
    parameters = inspect.signature(get_object(cfg["_target_"])).parameters
    unresolved, cfg = cfg, copy.deepcopy(cfg)
    OmegaConf.resolve(cfg)
    check_groups(cfg)
    wanted = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key in parameters or key not in SHARED])
    for path, node in nodes(wanted):
        check_node(path, node)
    check_effective(unresolved, hydra, read=[str(key) for key in cfg if key in parameters])
    return wanted


register_resolvers()
