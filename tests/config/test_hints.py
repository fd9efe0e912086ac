"""The words of lightning-hydra-template are answered with a key of ours, and every key named so exists."""

import re

import pytest

from sentiment.cli import main
from sentiment.config.commands import commands
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


@pytest.mark.parametrize("name", ["early_stopping", "ema", "swa", "lr_finder"])
def test_a_key_of_a_callback_that_was_not_chosen_names_the_option(name, capsys):
    key = f"callbacks.{name}.patience"
    assert refused(["train", f"{key}=3"], capsys) == (
        f"error: {key}: this run has no {name}; add it with +callbacks={name}"
    )


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (["+callbacks=early_stopping"], "callbacks.early_stopping.min_delta"),
        ([], "model.optimizer.amsgrad"),
        ([], "callbacks.throughput.report_every"),
    ],
)
def test_an_argument_that_the_file_of_its_class_does_not_list_is_added_with_a_plus(given, key, capsys):
    assert refused(["train", *given, f"{key}=1"], capsys) == (
        f"error: unknown key {key}; where its class takes it, add it with a plus sign: +{key}=VALUE"
    )
    parent, _, name = f"{key}s".rpartition(".")
    assert f"takes no '{name}'; did you mean {name[:-1]}?" in refused(["train", *given, f"+{parent}.{name}=1"], capsys)


@pytest.mark.parametrize("word", OPTIONS)
def test_a_foreign_option_is_answered_by_one_line_that_names_ours(word, capsys):
    group, _, option = word.partition("=")
    assert group in groups("train")
    assert not (bundled("conf") / group / f"{option}.yaml").exists()
    assert refused(["train", word], capsys) == f"error: {group} has no option {option!r}: {OPTIONS[word]}"


@pytest.mark.parametrize("hint", [*KEYS.values(), *OPTIONS.values()])
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


OTHERS = [(command, key) for command, hints in COMMANDS.items() for key in hints]


@pytest.mark.parametrize(("command", "key"), OTHERS, ids=lambda value: value)
def test_a_foreign_key_of_any_command_is_answered_by_what_does_it_there(command, key, capsys):
    assert key not in set(flat_keys(compose(command))), "a key of ours would be refused"
    assert refused([command, f"{key}=1"], capsys) == f"error: unknown key {key}: {COMMANDS[command][key]}"


@pytest.mark.parametrize("command", [name for name in commands() if name != "train"])
def test_a_key_of_training_is_told_from_one_that_nothing_has(command, capsys):
    for key in ("seed", "model.lr", "trainer.max_epochs"):
        line = refused([command, f"{key}=1"], capsys)
        assert key.split(".")[0] in COMMANDS.get(command, {}) or line == (
            f"error: unknown key {key}: it is of training: sentiment train {key}=...; what is trained keeps it"
        )
    assert "of training" not in refused([command, "nothing=1"], capsys)


@pytest.mark.parametrize("command", ["predict", "serve", "deploy", "export", "package", "ui"])
def test_a_batch_size_is_answered_under_both_its_names(command, capsys):
    hint = COMMANDS[command].get("batch_size", "did you mean batch_size?")
    assert refused([command, "data.batch_size=1"], capsys).endswith(hint)


def test_what_a_hint_for_another_command_sets_is_a_key_of_that_command():
    for command, hints in COMMANDS.items():
        own = {key for engine in ("local", "rest") for key in flat_keys(composed(command, engine))}
        for hint in hints.values():
            named = re.findall(r"(?:set|run:|table:) ([a-z_.]+)=", hint) + re.findall(r"set ([a-z_.]+)", hint)
            assert {key for key in named if key not in own} == set(), (command, hint)


def composed(command, engine):
    return compose(command, [f"engine={engine}"] if "engine" in groups(command) else [])
