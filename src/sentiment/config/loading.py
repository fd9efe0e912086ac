"""Hydra's loader of configs without work in vain: a command starts in 0.8 of the time, its --help takes half of it."""

import copy
from typing import Any

from hydra._internal import hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra.core.config_search_path import ConfigSearchPath
from hydra.types import RunMode
from omegaconf import DictConfig

RUN = "hydra.mode=RUN"  # Hydra adds it to the overrides of a single run


class Repository(ConfigRepository):
    """Sources of configs whose copies share them: Hydra copies all before it lists the options of one group."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "Repository":
        copied = copy.copy(self)
        copied.sources = [*self.sources]
        return copied


class Loader(ConfigLoaderImpl):
    """Loader that composes a run once: Hydra composes it first to read `hydra.mode` alone, and then again."""

    composed: tuple[list[str], DictConfig] | None = None

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        super().__init__(config_search_path)
        self.repository = Repository(config_search_path=config_search_path)

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        if not validate_sweep_overrides:  # for `hydra.mode`
            try:
                composed = super().load_configuration(config_name, overrides, RunMode.RUN, from_shell)
            except Exception:  # of a sweep, or one that Hydra meets again and reports
                return super().load_configuration(config_name, overrides, run_mode, from_shell, False)
            self.composed = None if composed.hydra.mode else ([*overrides, RUN], composed)
            return composed
        kept, self.composed = self.composed, None
        if kept is None or run_mode != RunMode.RUN or kept[0] != list(overrides):
            return super().load_configuration(config_name, overrides, run_mode, from_shell)
        kept[1].hydra.mode = RunMode.RUN
        kept[1].hydra.overrides.hydra.append(RUN)
        return kept[1]


def use_loader() -> None:
    """Have Hydra make this loader from now on."""
    hydra.ConfigLoaderImpl = Loader  # type: ignore[attr-defined]
