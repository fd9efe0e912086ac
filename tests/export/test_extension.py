"""A finished export takes new tokens, in every runtime, and answers texts without them as before."""

import shutil
import zipfile

import emoji
import pytest
from transformers import AutoTokenizer, pipeline

from sentiment import run_dir as runs
from sentiment.cli import main
from sentiment.evaluation.evaluate import run_data, score_run
from sentiment.evaluation.scoring import evaluate
from sentiment.export.extension import extend_run
from sentiment.inference.checksums import damage_of, verify_export
from sentiment.inference.predictor import Predictor
from sentiment.serving.archive import package
from tests.backbones import build
from tests.conftest import read_csv, read_json
from tests.data.small_tokenizers import trained

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


def test_all_that_describes_the_model_is_of_the_one_with_the_tokens(blind, extended):
    run = extended["onnx-int8"]
    scored = score_run(run=run, split="validation", baseline=False)
    metrics, calibration, summary = (
        read_json(run / f"{name}.json") for name in ("metrics", "calibration", "run_summary")
    )
    assert metrics["validation"] == pytest.approx(scored.scores["validation"])
    assert metrics.keys() == read_json(blind / "metrics.json").keys() == {"validation", "test"}
    assert calibration["temperature"] == Predictor.load(run).preprocessing.temperature
    assert calibration["validation"]["after"]["nll"] == pytest.approx(scored.scores["validation"]["loss"], rel=1e-3)
    assert f"temperature {calibration['temperature']}" in (run / "export" / "README.md").read_text(encoding="utf-8")
    assert summary["runtime"] == read_json(run / "export" / "preprocessing.json")["runtime"] == "onnx-int8"
    assert "onnx-int8" in read_json(run / "export" / "conversion.json")["summary"]
    assert summary["new_tokens"] == {"of": ["emoji"], "added": 1926}
    assert read_json(run / "export" / "quantification.json")["export"] == verify_export(run / "export")
    again = Predictor.load(run).predict([row["text"] for row in read_csv(run / "predictions.csv")])
    assert [one.label for one in again] == [row["prediction"] for row in read_csv(run / "predictions.csv")]
    for name in ("metrics.json", "predictions.csv", "run_summary.json"):
        assert runs.read_result(run, name) if name.endswith("json") else damage_of(run) is None
    assert [path.name for path in run.iterdir() if path.name.endswith(".tmp")] == []


def test_200_common_emoji_are_read(extended):
    common = [one for one in emoji.EMOJI_DATA if emoji.EMOJI_DATA[one]["E"] <= 1][:200]
    after = Predictor.load(extended["torch"])
    unknown = after.tokenizer.token_to_id("[UNK]")
    assert len(common) == 200
    assert [one for one, read in zip(common, after.encode(common), strict=True) if unknown in read.windows[0]] == []


@pytest.mark.parametrize("stage", ["add_tokens", "convert", "renew", "write_report", "put_all_in_place"])
def test_a_stop_at_any_stage_leaves_the_run_as_it_was(blind, tmp_path, monkeypatch, stage):
    run = shutil.copytree(blind, tmp_path / "run")
    former = contents(run)

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"sentiment.export.extension.{stage}", stopped)
    with pytest.raises(KeyboardInterrupt):
        extend_run(run, run_data(run).read(), "emoji", runtime="torch")
    assert contents(run) == former


def contents(run):
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != "lock"}


def test_a_run_that_is_not_finished_is_refused(blind, tmp_path, capsys):
    run = shutil.copytree(blind, tmp_path / "run")
    (run / "metrics.json").unlink()
    with pytest.raises(SystemExit):
        main(["export", f"run={run}", "new_tokens=emoji"])
    assert "is no finished run" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["byte BPE", "SentencePiece BPE", "SentencePiece Unigram"])
def test_every_algorithm_of_tokenizers_takes_them(kind, train_tiny, tmp_path):
    tokenizer = trained(kind)
    backbone = build("xlm-roberta", tmp_path / "backbone", vocab_size=len(tokenizer), pad_token_id=1)
    tokenizer.save_pretrained(backbone)
    words = ["model.new_tokens=null", "data.cleaning.emoji=false", "trainer.max_epochs=1", "after_training.test=false"]
    run = train_tiny("other", f"model.backbone={backbone}", *words)
    main(["export", f"run={run}", "new_tokens=[emoji,rofl]", "runtime=onnx"])
    [read] = Predictor.load(run).encode(["worst😡 phone"])
    assert "😡" in [Predictor.load(run).tokenizer.id_to_token(i) for i in read.windows[0]]
    [explained] = Predictor.load(run).explain(["worst😡 phone"])
    assert [explained.text[word.start : word.end] for word in explained.words] == ["worst", "😡", "phone"]
    assert "test" not in read_json(run / "metrics.json")


@pytest.mark.slow
@pytest.mark.parametrize("task", ["aspect", "scale", "multi"])
def test_a_run_of_every_task_takes_them_and_is_fitted_anew(task, request, tmp_path):
    former = request.getfixturevalue(f"{task}_run")
    run = shutil.copytree(former, tmp_path / "run")
    main(["export", f"run={run}", "new_tokens=[roflrofl]", "runtime=torch"])
    predictor = Predictor.load(run)
    splits = run_data(run).read()
    scored = evaluate(predictor, splits["validation"], predictor.labels)
    assert scored.scores == pytest.approx(read_json(run / "metrics.json")["validation"], rel=1e-4)
    assert scored.scores == pytest.approx(read_json(former / "metrics.json")["validation"], abs=0.02), "no text has it"
    assert predictor.decoding.kind == Predictor.load(former).decoding.kind
    assert predictor.tokenizer.token_to_id("roflrofl")
    own, before = ((Predictor.load(one).decoding.to_json() or {}) for one in (run, former))
    for name in ("slopes", "biases", "thresholds"):  # fitted once, not on top of what was fitted before
        assert own.get(name) == pytest.approx(before.get(name), abs=0.02) if name in before else name not in own


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
