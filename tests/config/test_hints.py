"""The words of lightning-hydra-template are answered with a key of ours, and every key named so exists."""

import re

import pytest

from sentiment.cli import main
from sentiment.config.compose import compose, groups
from sentiment.config.hints import COMMANDS, KEYS, OPTIONS
from sentiment.config.keys import flat_keys
from sentiment.config.resources import bundled

KEY = re.compile(r"(?<![\w/.+-])\+?((?:data|model|trainer|callbacks|logger|paths)(?:\.\w+)+|\w+(?==))")


def refused(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    return line


@pytest.fixture(scope="module")
def known():
    keys = {"logger.wandb.tags", *flat_keys(compose("evaluate"))}
    for group in ("trainer", "data", "model", "loss", "task", "logger", "callbacks", "debug", "experiment"):
        for path in (bundled("conf") / group).glob("*.yaml"):
            keys |= set(flat_keys(compose("train", [f"{group}={path.stem}"])))
    return keys


@pytest.mark.parametrize("key", KEYS)
def test_a_foreign_key_is_answered_by_one_line_that_names_ours(key, known, capsys):
    assert key not in known, "a key of ours would be refused"
    for sign in ("", "+"):
        assert refused(["train", f"{sign}{key}=1"], capsys) == f"error: unknown key {key}: {KEYS[key]}"


@pytest.mark.parametrize("name", ["early_stopping", "ema", "lr_finder"])
def test_a_key_of_a_callback_that_was_not_chosen_names_the_option(name, capsys):
    key = f"callbacks.{name}.patience"
    assert refused(["train", f"{key}=3"], capsys) == (
        f"error: {key}: this run has no {name}; add it with +callbacks={name}"
    )


@pytest.mark.parametrize("word", OPTIONS)
def test_a_foreign_option_is_answered_by_one_line_that_names_ours(word, capsys):
    group, _, option = word.partition("=")
    assert group in groups("train")
    assert not (bundled("conf") / group / f"{option}.yaml").exists()
    assert refused(["train", word], capsys) == f"error: {group} has no option {option!r}: {OPTIONS[word]}"


@pytest.mark.parametrize("hint", [*KEYS.values(), *OPTIONS.values(), *COMMANDS["evaluate"].values()])
def test_what_a_hint_names_is_there(hint, known):
    named = KEY.findall(hint)
    assert [key for key in named if key not in known and key not in groups("train")] == []
    for group, option in re.findall(r"\b(trainer|logger|debug|hparams_search|experiment|data|model)=(\w+)", hint):
        assert option == "null" or (bundled("conf") / group / f"{option}.yaml").is_file()


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("optimized_metric=val/acc", "did you mean accuracy?"),
        ("optimized_metric=val/acc_best", "did you mean accuracy?"),
        ("optimized_metric=val_loss", "did you mean loss?"),
        ("callbacks.best.monitor=val/acc", "did you mean validation/accuracy?"),
        ("callbacks.best.monitor=val_f1", "did you mean validation/f1?"),
    ],
)
def test_a_foreign_metric_is_answered_by_ours(override, meant, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = refused(["train", "data.dir=nowhere", override], capsys)
    assert line.endswith(meant)


def test_evaluate_is_told_the_run(capsys):
    assert refused(["evaluate", "ckpt_path=a.ckpt"], capsys).endswith("name the run: run=outputs/RUN")
