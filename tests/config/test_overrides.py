"""What is typed after a command, before Hydra reads it."""

import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from sentiment.cli import main
from sentiment.config.overrides import check_name, read, text, twice
from sentiment.errors import ConfigError
from sentiment.shell import quote

GROUPS = {"logger": "csv", "data": "demo", "experiment": None}


def value(word):
    return OverridesParser.create().parse_override(word).value()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("data.train=~/x.csv", "/home/ann b/x.csv"),
        ("run=~", "/home/ann b"),
        ("data.train='~/x.csv'", "/home/ann b/x.csv"),
        ("input=[~/a.csv,b.csv]", ["/home/ann b/a.csv", "b.csv"]),
        ("data.train=x~/y.csv", None),
        ("data.train=Bücher.csv", "Bücher.csv"),
        ("data.train=/a b/c%d$e.csv", "/a b/c%d$e.csv"),
        ("run_name=2024", "2024"),
        ("run_name=2024_01", "2024_01"),
        ("run_name=1e5", "1e5"),
        ("version=1.10", "1.10"),
        ("default=2.0", "2.0"),
    ],
)
def test_a_value_is_what_was_typed(word, expected, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann b")
    if expected is None:
        with pytest.raises(ConfigError, match="Hydra cannot read this value; where it is a text, quote it"):
            read([word], GROUPS)
    else:
        [prepared] = read([word], GROUPS)
        assert value(prepared) == expected


@pytest.mark.parametrize("path", ["a=b.csv", "t[1].csv", "t(1).csv", "x.csv,", "it's.csv", "a#b.csv", "a;b", '"x'])
def test_a_value_that_hydra_cannot_read_is_named_with_what_can_be_pasted(path):
    with pytest.raises(ConfigError) as caught:
        read([f"data.train={path}"], GROUPS)
    [pasted] = shlex.split(str(caught.value).partition("quote it: ")[2])
    assert value(read([pasted], GROUPS)[0]) == path


def test_null_leaves_out_what_may_be_left_out():
    assert read(["logger=null", "experiment=null", "seed=1"], GROUPS) == ["~logger", "seed=1"]
    with pytest.raises(ConfigError, match="data=null: data is required; choose one of its options, as in data=demo"):
        read(["data=null"], GROUPS)


def test_flags_are_known_and_may_stand_anywhere():
    assert read(["seed=1,2", "-m"], GROUPS) == ["-m", "seed=1,2"]
    words = ["seed=1", "--cfg", "job", "run_name=a", "-cd", "own", "--resolve", "x=-1"]
    assert read(words, GROUPS) == ["--cfg=job", "-cd=own", "--resolve", "seed=1", "run_name=a", "x=-1"]
    assert read(["--info", "seed=1", "-v"], GROUPS) == ["--info=all", "hydra.verbose=sentiment", "seed=1"]
    with pytest.raises(ConfigError, match="unknown flag --multrun; did you mean --multirun?"):
        read(["--multrun", "seed=1"], GROUPS)


def test_a_key_given_twice_is_said_with_the_value_that_counts(capfd):
    assert twice(["seed=1", "+x=1", "seed=2", "x=1"]) == [("seed", "2")]
    main(["train", "seed=1", "seed=2", "--cfg", "job"])
    assert capfd.readouterr().err.startswith("seed is given more than once; 2 counts, the last one\n")


@pytest.mark.parametrize("name", ["plain", "with space", "a,b", "2024", "null", "it's", "x=y", "ü"])
def test_a_text_is_quoted_so_that_it_is_read_back(name):
    assert text([f"resume={quote(name)}"], "resume") == name


@pytest.mark.parametrize(
    "name", [None, "", "  ", "..", "a/../b", "/tmp/x", "a//b", "~x", "-x", "a\\b", "x" * 201, "a\nb"]
)
def test_a_run_name_is_a_folder_below_that_of_the_runs(name):
    with pytest.raises(ConfigError, match="run_name"):
        check_name(name)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run_name=null"], "run_name is empty: give a name, or leave run_name out"),
        (["run_name="], "run_name is empty: give a name, or leave run_name out"),
        (["run_name=../x"], "run_name=../x: the run's folder is paths.output_dir/run_name; give a plain name"),
        (["data.train=a,b.csv"], "data.train=a,b.csv: commas separate the values of a sweep (-m) or of a list [a,b];"),
        (["paths.output_dir="], "paths.output_dir=: expected the path of a folder, got nothing"),
        (["paths.output_dir=${oc.env:NOWHERE,''}"], "paths.output_dir=: expected the path of a folder, got nothing"),
        (["paths.output_dir=${oc.env:NOWHERE,null}", "-m"], "paths.output_dir=: expected the path of a folder, got"),
        (["++paths.cache=null"], "paths.cache=: expected the path of a folder, got nothing"),
        (["hydra.sweep.dir=''", "-m"], "hydra.sweep.dir=: expected the path of a folder, got nothing"),
        (["resume="], "resume=: expected the folder of a run or sweep, got nothing"),
        (["hydra.job.chdir=true"], "hydra.job.chdir=true: relative paths are those of the folder that the command is"),
        (["--cfg"], "--cfg: expected one of job, hydra, all"),
        (["seed=1", "--cfg", "model"], "--cfg model: expected one of job, hydra, all"),
        (
            ["-m", "run_name=a,b"],
            "run_name=a,b: a sweep has one folder, in which its trials are numbered; give one value",
        ),
        (["seed=1,2", "paths.output_dir=choice(a,b)", "-m"], "paths.output_dir=choice(a,b): a sweep has one folder"),
        (["--resolve"], "--resolve does nothing without --cfg job; add it, or leave it out"),
        (["--config-dir"], "--config-dir: expected a value"),
        (["-m", "seed=1,2", "--cfg", "job"], "-m and --cfg=job cannot be given together; leave one out"),
        (["--foo"], "unknown flag --foo; did you mean --info?; settings are given as key=value"),
    ],
)
def test_a_misleading_word_is_one_line(words, message, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(["train", "data.dir=nowhere", *words])
    assert caught.value.code == 2
    assert capfd.readouterr().err.strip().startswith(f"error: {message}")
    assert not list(Path(tmp_path).iterdir())


@pytest.mark.parametrize("words", [["evaluate", "run=null"], ["package", "run=null"], ["export", "run=null"]])
def test_null_for_what_is_required_asks_for_a_path(words, capfd):
    with pytest.raises(SystemExit):
        main(words)
    assert capfd.readouterr().err.strip() == "error: run=null: expected a path"


def test_a_command_without_a_run_names_the_key(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.csv").write_text("text\nhi\n")
    (tmp_path / "empty").mkdir()
    unnamed = "no run is named; name a run directory or its export folder: run=outputs/RUN"
    for words, message in {
        "ui engine=local": unnamed,
        "predict input=in.csv output=o.csv": unnamed,
        "evaluate run=empty": "run=empty is no run directory: it has neither export/ nor a checkpoint; name "
        "outputs/<run>",
    }.items():
        with pytest.raises(SystemExit) as caught:
            main(words.split())
        assert caught.value.code == 2
        assert capfd.readouterr().err.strip().splitlines()[-1] == f"error: {message}"
