"""Every architecture the documentation names, with a tokenizer of its algorithm, from training to a worker's answer."""

import shutil

import pytest

from sentiment.cli import main
from sentiment.inference.checksums import verify_export
from sentiment.inference.predictor import Predictor
from tests.backbones import build
from tests.conftest import start_handler
from tests.data.small_tokenizers import trained
from tests.handling import answers, row

ALGORITHMS = {
    "bert": "WordPiece",
    "distilbert": "WordPiece",
    "electra": "WordPiece",
    "mpnet": "WordPiece",
    "roberta": "byte BPE",
    "xlm-roberta": "SentencePiece Unigram",
    "albert": "SentencePiece Unigram",
    "deberta-v2": "SentencePiece Unigram",
    "deberta": "byte BPE",
    "camembert": "SentencePiece BPE",
    "modernbert": "byte BPE",
}
TEXTS = ["good film", "worst😡 phone", "a long bad meal " * 3, "😡😡", "good :)"]
NEAR = {"torch": 1e-5, "onnx": 1e-4, "onnx-int8": 0.1}


@pytest.fixture(scope="module")
def run_of(train_tiny, tmp_path_factory):
    def made(kind, *overrides):
        tokenizer = trained(ALGORITHMS[kind])
        folder = tmp_path_factory.mktemp(kind)
        build(
            kind,
            folder,
            vocab_size=len(tokenizer),
            pad_token_id=1,
            bos_token_id=0,
            eos_token_id=2,
            initializer_range=0.1,
        )
        tokenizer.save_pretrained(folder)
        words = ["trainer.max_epochs=4", "after_training.baseline=false", "after_training.behaviour=null"]
        return train_tiny(kind, f"model.backbone={folder}", *words, *overrides)

    return made


@pytest.mark.slow
@pytest.mark.parametrize("kind", ALGORITHMS)
def test_an_architecture_is_trained_converted_served_and_explained(kind, run_of, tmp_path):
    run = run_of(kind, "trainer.precision=32-true")
    exact = Predictor.load(run).predict(TEXTS)
    shares = [one.probabilities["positive"] for one in exact]
    assert max(shares) - min(shares) > 0.002, "else anything is near it"
    for runtime, near in NEAR.items():
        converted = shutil.copytree(run, tmp_path / runtime)
        main(["export", f"run={converted}", f"runtime={runtime}"])
        verify_export(converted / "export")
        for own, one in zip(Predictor.load(converted).predict(TEXTS), exact, strict=True):
            assert own.probabilities == pytest.approx(one.probabilities, abs=near)
            assert (own.readable, own.unreadable) == (one.readable, one.unreadable)
    [explained] = Predictor.load(run).explain(["worst😡 phone"])
    assert [explained.text[word.start : word.end] for word in explained.words] == ["worst", "😡", "phone"]
    assert abs(explained.delta) < 0.05
    handler = start_handler(tmp_path / "onnx" / "export", tmp_path)
    told = answers(handler, *map(row, TEXTS))
    assert [(status, one["label"]) for status, one in told] == [(200, one.label) for one in exact]
    assert [one["score"] for _, one in told] == pytest.approx([one.score for one in exact], abs=1e-4)
