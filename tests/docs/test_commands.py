"""What README and docs tell to type is what the commands take."""

import re

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf, open_dict

from sentiment.config.check import call
from sentiment.config.commands import commands, name_positional
from sentiment.config.compose import compose, prepare
from sentiment.training.check import check
from tests.conftest import ROOT
from tests.docs.blocks import ALL, PAGES

FLAGS = ("-m", "--multirun", "--help", "-h", "--cfg", "job", "--version")


def first_of_each(override):
    """An override of a sweep as that of its first trial."""
    parsed = OverridesParser.create().parse_override(override)
    if not parsed.is_sweep_override() or not parsed.is_discrete_sweep():
        return [] if parsed.is_sweep_override() else [override]
    return [f"{parsed.get_key_element()}={next(parsed.sweep_string_iterator())}"]


def bind(words):
    """Compose and check a command as it would before its work starts."""
    command, *given = words[1:] if words[0] == "sentiment" else ["train", *words[2:]]
    if command in FLAGS or not {"--help", "-h"}.isdisjoint(given):
        return
    assert command in commands()
    given = prepare(command, name_positional(command, [word for word in given if word not in FLAGS]))
    cfg = compose(command, [part for word in given for part in first_of_each(word)])
    with open_dict(cfg):
        cfg.hydra.runtime.output_dir = "outputs/test"
    HydraConfig.instance().set_config(cfg)
    plain = OmegaConf.masked_copy(cfg, [key for key in cfg if key != "hydra"])
    if command == "train":
        OmegaConf.resolve(plain)
        check(plain)
    else:
        call(plain, cfg.hydra)


def ours(words):
    return words[0] == "sentiment" or words[:2] == ["python", "train.py"]


@pytest.mark.parametrize("block", ALL, ids=str)
def test_a_command_block_is_run_composed_or_says_why_not(block):
    if block.mark == "not run":
        assert block.reason
    if block.reason.startswith("tests/docs/test_extend.py runs it"):
        return  # with a part that the page adds
    if not block.mark:
        assert [words for words in block.commands if not ours(words)] == []
    if "tests/docs/test_extend.py" in block.reason:
        return  # it runs them beside the code of the page, without which they do not compose
    for words in block.commands:
        if ours(words):
            bind(words[: words.index(">")] if ">" in words else words)


def test_every_fence_of_commands_is_found():
    fences = sum(
        len(re.findall("^```(?:bash|console)$", page.read_text(encoding="utf-8"), re.MULTILINE)) for page in PAGES
    )
    assert len(ALL) == fences > 0


def test_every_comment_is_a_mark_of_a_block():
    comments = sum(page.read_text(encoding="utf-8").count("<!-- ") for page in PAGES)
    assert comments == sum(bool(block.mark) for block in ALL)


def test_every_command_is_in_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [command for command in commands() if f"sentiment {command}" not in text and command != "train"] == []
