"""Each file of conf/ is parsed once in a process, and each config composed once: tests do so a thousand times."""

import pickle
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TextIO

import pytest


@pytest.fixture(scope="session", autouse=True)
def parsed_once() -> Iterator[None]:
    """Parse each YAML text once in a process: tests compose the files of conf/ a thousand times."""
    import yaml
    from omegaconf import omegaconf

    parsed: dict[str, bytes] = {}

    def load(file: str | TextIO, Loader: type[yaml.SafeLoader]) -> object:  # noqa: N803, as PyYAML names it
        text = file if isinstance(file, str) else file.read()
        if text not in parsed:
            parsed[text] = pickle.dumps(yaml.load(text, Loader=Loader))
        return pickle.loads(parsed[text])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(omegaconf, "yaml", SimpleNamespace(**vars(yaml) | {"load": load}))
        yield


@pytest.fixture(scope="session", autouse=True)
def composed_once() -> Iterator[None]:
    """Leave out the composition by which Hydra learns `hydra.mode`, null unless it is given, before the one it runs."""
    from hydra._internal.hydra import Hydra

    learned = Hydra.get_mode

    def get_mode(self: Hydra, config_name: str | None, overrides: list[str]) -> object:
        return learned(self, config_name, overrides) if any("hydra.mode" in one for one in overrides) else None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Hydra, "get_mode", get_mode)
        yield
