"""Real runs in two processes on this machine: their numbers are those of one process, and one of them writes."""

import csv
import json
import shutil
import signal
import subprocess
import sys

import pytest
import torch

from sentiment.cli import main
from sentiment.errors import ConfigError
from sentiment.evaluation import computation
from sentiment.training import distributed as ranks
from sentiment.training.checkpoints import read_judged
from tests.conftest import ROOT, read_json, write_csv
from tests.ports import free_ports
from tests.signals import at_step


@pytest.fixture(scope="module")
def still_backbone(tiny_backbone, tmp_path_factory):
    """The tiny backbone without dropout, which would draw other numbers in each process."""
    folder = shutil.copytree(tiny_backbone, tmp_path_factory.mktemp("still") / "backbone")
    config = read_json(folder / "config.json")
    (folder / "config.json").write_text(
        json.dumps(config | {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0})
    )
    return folder


@pytest.fixture(scope="module")
def odd_corpus(corpus, tmp_path_factory):
    """63 texts of training and 17 of validation, which no two processes can share evenly."""
    folder = tmp_path_factory.mktemp("odd")
    for split, count in {"train": 63, "validation": 17, "test": 16}.items():
        with (corpus / "train.csv").open(newline="", encoding="utf-8") as file:
            rows = [(row["text"], row["label"]) for row in csv.DictReader(file)]
        write_csv(folder / f"{split}.csv", rows[-count:])
    return folder


@pytest.fixture(scope="module")
def command(still_backbone, odd_corpus, tmp_path_factory):
    """The words of a run in its folder, started by `by`: python, or torchrun with its flags."""
    outputs = tmp_path_factory.mktemp("outputs")

    def command(name, *overrides, by=(sys.executable,)):
        settings = [
            f"run_name={name}",
            f"paths.output_dir={outputs}",
            f"paths.cache={outputs}/cache",
            f"data.dir={odd_corpus}",
        ]
        settings += [f"model.backbone={still_backbone}", "data.max_length=32", "data.batch_size=16", "model.lr=2e-3"]
        settings += [
            "trainer.max_epochs=3",
            "trainer.precision=32-true",
            "trainer.accelerator=cpu",
            "model.warmup_ratio=0",
        ]
        settings += ["after_training.convert.runtime=torch"]
        return [*by, str(ROOT / "train.py"), *settings, *overrides], outputs / name

    return command


@pytest.fixture(scope="module")
def one(command):
    words, folder = command("one")
    main(["train", *words[2:]])
    return folder


def trained(words, folder):
    subprocess.run(words, check=True, capture_output=True)
    return folder


def validation(folder):
    """The validation scores of each epoch, from the log."""
    [log] = folder.glob("logs/*/metrics.csv")
    with log.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["validation/loss"]]
    names = [name for name in rows[0] if name.startswith("validation/")]
    return [{name.partition("/")[2]: float(row[name]) for name in names} for row in rows]


def written(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def assert_same_scores(ours, theirs):
    """To the last digits of a float32; texts that differ by no more may change places, which AUROC alone counts."""
    assert ours == pytest.approx(theirs | {"auroc": ours["auroc"]}, abs=1e-5)
    assert ours["auroc"] == pytest.approx(theirs["auroc"], abs=2 / 64)  # two pairs of 8 and 8 texts


def assert_same_answers(several, one):
    """Each validation text is in a checkpoint once, with the answer of one process, and the scores are of all."""
    for name in ("best.ckpt", "last.ckpt"):
        (_, ours), (_, theirs) = (read_judged(folder / "checkpoints" / name) for folder in (several, one))
        assert (ours.number, ours.epoch, ours.batches) == (theirs.number, theirs.epoch, theirs.batches)
        for label in (0, 1):
            found, expected = (judged.probabilities[judged.targets == label, 1].sort()[0] for judged in (ours, theirs))
            torch.testing.assert_close(found, expected, atol=2e-6, rtol=0)
        scores = computation.score(ours.probabilities, ours.targets, ["negative", "positive"])
        assert scores == pytest.approx(validation(several)[ours.epoch - 1], abs=1e-7)


def assert_same_run(several, one):
    """The numbers of one process; each of its files, and no other."""
    assert len(validation(one)) >= 3
    for ours, theirs in zip(validation(several), validation(one), strict=True):
        assert_same_scores(ours, theirs)
    for split, scores in read_json(one / "metrics.json").items():
        assert_same_scores(read_json(several / "metrics.json")[split], scores)
    assert_same_answers(several, one)
    assert written(several) == written(one)
    assert read_json(several / "run_summary.json")["processes"] == 2
    assert read_json(several / "run_summary.json")["steps"] == read_json(one / "run_summary.json")["steps"]


@pytest.mark.slow
def test_two_processes_train_as_one_does(command, one):
    assert_same_run(trained(*command("two", "trainer=ddp")), one)


@pytest.mark.slow
def test_two_nodes_of_torchrun_train_as_one_process_does(command, one):
    endpoint = ["--rdzv-backend=c10d", f"--rdzv-endpoint=127.0.0.1:{free_ports(1)[0]}", "--local-addr=127.0.0.1"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1", *endpoint]
    words, folder = command("nodes", "trainer=ddp", by=torchrun)
    nodes = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(2)]
    ends = [node.communicate(timeout=300)[0].decode() for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], ends
    assert_same_run(folder, one)


@pytest.mark.slow
def test_divided_weights_train_as_whole_ones_do(command, one):
    assert_same_run(trained(*command("divided", "trainer=fsdp")), one)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_two_processes_stopped_resume_to_the_numbers_of_an_unbroken_run(number, command, tiny_backbone):
    """With dropout, so that the random numbers of each process must go on where they were."""
    changes = ["trainer=ddp", f"model.backbone={tiny_backbone}", "trainer.max_epochs=6", "data.batch_size=4"]
    unbroken = trained(*command(f"unbroken-{number.name}", *changes))
    words, folder = command(f"broken-{number.name}", *changes)
    environment = at_step(number, r"os\.rename .*/last\.ckpt$", 3, target="parent")
    broken = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert broken.returncode == 130
    assert broken.stderr.count("error") == 1
    assert "go on with: sentiment train resume=" in broken.stderr
    assert not (folder / "metrics.json").exists()
    trained([sys.executable, str(ROOT / "train.py"), f"resume={folder}"], folder)
    assert read_json(folder / "metrics.json") == read_json(unbroken / "metrics.json")


def failed(words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, [line for line in done.stderr.splitlines() if line.startswith("error")]


def test_a_wrong_key_is_told_once_and_starts_nothing(command):
    words, folder = command("wrong", "trainer=ddp", "trainer.max_epoch=1")
    assert failed(words) == (2, ["error: unknown key trainer.max_epoch; did you mean trainer.max_epochs?"])
    assert not folder.exists()


@pytest.fixture
def torchrun(monkeypatch):
    """As the second of two processes that torchrun started."""
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "RANK": "1", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)


def test_torchrun_needs_a_named_run(torchrun):
    with pytest.raises(ConfigError, match="need one folder; name it: run_name=NAME"):
        ranks.check_arguments(["trainer=ddp"])
    ranks.check_arguments(["trainer=ddp", "run_name=x"])


def test_processes_of_torchrun_that_the_config_does_not_know_are_refused(torchrun):
    with pytest.raises(ConfigError, match=r"torchrun started 2 processes, .* ask for 1; add trainer=ddp"):
        ranks.to_launch(1, 1, "cpu")
    assert ranks.to_launch(1, 2, "cpu") == 1


def test_several_machines_are_for_torchrun():
    with pytest.raises(ConfigError, match="start the run on each machine, with torchrun --nnodes 2"):
        ranks.to_launch(1, 2, "cpu")


@pytest.mark.parametrize(("devices", "processes"), [(1, 1), ("2", 2), ([0, 1, 3], 3), ("0,1", 2), ("auto", 1), (-1, 1)])
def test_devices_are_counted_as_lightning_does(devices, processes):
    assert ranks.count(devices, "cpu") == processes
