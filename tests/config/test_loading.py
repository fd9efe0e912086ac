"""Hydra composes a run once, and the config is the one that it composes twice."""

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_automatic_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

from sentiment.config.loading import RUN, Loader
from sentiment.config.resources import bundled


@pytest.fixture
def compositions(monkeypatch):
    """The overrides of each composition, and Hydra for conf/train.yaml."""
    seen, compose = [], ConfigLoaderImpl._load_configuration_impl

    def counted(self, config_name, overrides, *others, **options):
        seen.append(list(overrides))
        return compose(self, config_name, overrides, *others, **options)

    monkeypatch.setattr(ConfigLoaderImpl, "_load_configuration_impl", counted)
    path = create_automatic_config_search_path(None, None, str(bundled("conf")))
    hydra = Hydra.create_main_hydra2("train", path)
    yield seen, hydra, ConfigLoaderImpl(path)
    GlobalHydra.instance().clear()


def test_a_run_is_composed_once_and_alike(compositions):
    seen, hydra, plain = compositions
    overrides = ["seed=7", "model=bert_base", "hydra.job.name=own"]
    assert isinstance(hydra.config_loader, Loader)
    assert hydra.get_mode("train", overrides) is None
    found = hydra.compose_config("train", [*overrides, RUN], RunMode.RUN)
    assert seen == [overrides]
    twice = plain.load_configuration("train", [*overrides, RUN], RunMode.RUN)
    assert OmegaConf.to_container(found, resolve=False) == OmegaConf.to_container(twice, resolve=False)


def test_a_mode_that_is_set_and_another_set_of_overrides_are_composed_anew(compositions):
    seen, hydra, plain = compositions
    assert hydra.get_mode("train", ["seed=1,2", "hydra.mode=MULTIRUN"]) == RunMode.MULTIRUN
    assert hydra.get_mode("train", ["seed=1"]) is None
    assert hydra.compose_config("train", ["seed=2"], RunMode.RUN).seed == 2
    assert hydra.compose_config("train", ["seed=1", RUN], RunMode.RUN).seed == 1
    assert seen[-2:] == [["seed=2"], ["seed=1", RUN]]
    groups = plain.get_group_options("model")
    assert hydra.config_loader.get_group_options("model") == groups != []
