"""A finished export takes new tokens, in every runtime, and answers texts without them as before."""

import shutil
import zipfile

import pytest
from transformers import AutoTokenizer, pipeline

from sentiment.cli import main
from sentiment.inference.checksums import verify_export
from sentiment.inference.predictor import Predictor
from sentiment.serving.archive import package
from tests.conftest import read_json

PLAIN = ["good film", "bad meal and so on", "good phone :)"]
EMOJI = ["worst😡 phone", "😡😡😡", "good❤\ufe0f film"]


@pytest.fixture(scope="module")
def blind(train_tiny):
    """A run of before: no tokens for emoji, and no cleaning that parts them."""
    return train_tiny("blind", "model.new_tokens=null", "data.cleaning.emoji=false", "trainer.max_epochs=2")


@pytest.fixture(scope="module")
def extended(blind, tmp_path_factory):
    """The same run for each runtime, with tokens added by the command."""
    folder = tmp_path_factory.mktemp("extended")
    runs = {}
    for runtime in ("torch", "onnx", "onnx-int8"):
        runs[runtime] = shutil.copytree(blind, folder / runtime)
        main(["export", f"run={runs[runtime]}", "new_tokens=emoji", f"runtime={runtime}"])
    return runs


@pytest.mark.parametrize("runtime", ["torch", "onnx", "onnx-int8"])
def test_every_runtime_reads_the_new_tokens(blind, extended, runtime):
    verify_export(extended[runtime] / "export")
    before, after = Predictor.load(blind), Predictor.load(extended[runtime])
    assert after.settings["runtime"] == runtime
    assert [one.readable for one in before.predict(EMOJI)] == [True, False, True]
    rows = [one.windows[0] for one in after.encode(EMOJI)]
    assert [len(row) for row in rows] == [5, 5, 5]
    assert all(after.tokenizer.token_to_id("[UNK]") not in row for row in rows)
    for old, new in zip(before.predict(PLAIN), after.predict(PLAIN), strict=True):
        assert new.score == pytest.approx(old.score, abs=0.03 if runtime == "onnx-int8" else 1e-4)
    if runtime != "torch":
        torch = Predictor.load(extended["torch"])
        for graph, exact in zip(after.predict(EMOJI), torch.predict(EMOJI), strict=True):
            assert graph.probabilities == pytest.approx(exact.probabilities, abs=0.03)


def test_explanations_and_transformers_read_them_too(extended):
    run = extended["torch"]
    [explained] = Predictor.load(run).explain(["worst😡 phone"])
    assert [explained.text[word.start : word.end] for word in explained.words] == ["worst", "😡", "phone"]
    classify = pipeline("text-classification", model=str(run / "export"))
    assert classify.tokenizer.tokenize("worst😡 phone") == ["worst", "😡", "phone"]


def test_the_archive_carries_them(extended, tmp_path):
    with zipfile.ZipFile(package(run=extended["torch"], model_store=tmp_path)) as archive:
        assert "😡" in archive.read("tokenizer.json").decode("utf-8")
        assert '"emoji": true' in archive.read("preprocessing.json").decode("utf-8")


def test_what_else_the_folder_holds_stays(blind, extended):
    for name in ("README.md", "quantification.json"):
        assert (extended["torch"] / "export" / name).is_file() == (blind / "export" / name).is_file()
    sizes = [read_json(run / "export" / "config.json")["vocab_size"] for run in (blind, extended["torch"])]
    assert sizes[1] == len(AutoTokenizer.from_pretrained(extended["torch"] / "export")) > sizes[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["new_tokens=emojis"], "new_tokens=emojis: expected auto, emoji, emoticons"),
        (["new_tokens=emoji"], "has all of them; leave it out"),
        (["new_tokens=capitals"], "trained without data.cleaning.capitals"),
        (["new_tokens=emoji", "accept=true"], "one thing at a time"),
    ],
)
def test_what_changes_nothing_is_refused(extended, capsys, words, message):
    before = verify_export(extended["torch"] / "export")
    with pytest.raises(SystemExit):
        main(["export", f"run={extended['torch']}", *words])
    assert message in capsys.readouterr().err
    assert verify_export(extended["torch"] / "export") == before
