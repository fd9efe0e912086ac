"""The deployment files as values."""

import json
import re
import sys
from pathlib import Path

import yaml
from omegaconf import DictConfig, OmegaConf

from sentiment.config import check as config
from sentiment.config.compose import compose
from tests.conftest import ROOT

IMAGES = ("serve", "ui")


def installed(program: str) -> str:
    """A program that a pip package brings: its environment need not be the active one."""
    return str(Path(sys.executable).parent / program)


def dockerfile(image: str) -> list[tuple[str, str]]:
    """The instructions of the last stage, whose names may come more than once."""
    text = (ROOT / f"Dockerfile.{image}").read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    instructions = [tuple(line.split(maxsplit=1)) for line in joined.splitlines()]
    last = max(i for i, (name, _) in enumerate(instructions) if name == "FROM")
    return instructions[last:]


def value(image: str, name: str) -> str:
    """The one value of an instruction."""
    [found] = [value for instruction, value in dockerfile(image) if instruction == name]
    return found


def entrypoint(image: str) -> list[str]:
    return json.loads(value(image, "ENTRYPOINT"))


def called(command: str, overrides: list[str]) -> DictConfig:
    """The checked call that a command line stands for."""
    cfg = compose(command, overrides)
    return config.call(OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"]), cfg.hydra)


def interpolated(text: str) -> str:
    """Every ${NAME:-default} as its default."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def services() -> dict:
    return yaml.safe_load(interpolated((ROOT / "compose.yaml").read_text()))["services"]


def variables(path: Path) -> set[str]:
    """The variables that a compose file or a shell script may be given."""
    return set(re.findall(r"\$\{([A-Z_]+):-", path.read_text()))
