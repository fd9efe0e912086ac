"""A graph that cannot be trusted at the edges is discarded, and PyTorch computes the answers."""

import pytest
import torch

from sentiment.backbones import load_tokenizer
from sentiment.cli import main
from sentiment.errors import ModelError
from sentiment.export import convert
from sentiment.export.huggingface import export
from sentiment.export.trust import distrust, edge_rows, first_line
from sentiment.inference.multilabel import Multi
from sentiment.inference.predictor import Predictor
from sentiment.inference.preprocessing import Preprocessing
from sentiment.training.networks import load_network
from tests.backbones import POSITIONS, build, one_line
from tests.conftest import read_json

TEXTS = ["good film", "bad meal and so on", "the room ?", "a good song"]
GIVEN = {"train": TEXTS, "texts": TEXTS}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Export folders of random backbones whose answers differ from text to text."""

    def get(kind):
        folder = tmp_path_factory.mktemp(kind)
        backbone = build(kind, folder / "backbone")
        network, _ = load_network(backbone, ["bad", "good"])
        with torch.no_grad():
            for parameter in network.parameters():
                if parameter.ndim > 1:
                    parameter.mul_(10)
        return export(network.eval(), load_tokenizer(backbone), Preprocessing(POSITIONS), into=folder / "export")

    return get


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["modernbert", "roberta", pytest.param("distilbert", marks=pytest.mark.slow)])
def test_backbones_beside_bert_are_converted_and_answer_at_every_length(kind, exported):
    folder = exported(kind)
    assert convert(folder, runtime="auto", **GIVEN) == "onnx-int8"
    texts = ["good", "bad " * 100, "?"]
    ours, theirs = (Predictor.load(folder, runtime=name).probabilities(texts) for name in ("onnx-int8", "torch"))
    assert theirs.std(dim=0).max() > 0.01  # else nothing was compared
    torch.testing.assert_close(ours, theirs, atol=0.05, rtol=0)


@pytest.mark.slow
def test_a_graph_that_fails_on_other_lengths_is_discarded_with_one_line(exported, caplog):
    folder = exported("longformer")
    assert convert(folder, runtime="auto", **GIVEN) == "torch"
    [line] = [one.message for one in caplog.records if one.name.startswith("sentiment") and one.levelname == "WARNING"]
    assert "cannot be answered by onnx: it fails on 2 tokens: " in line
    assert line.endswith("PyTorch computes the answers")
    assert "\n" not in line
    assert not list(folder.glob("*.onnx*"))
    assert read_json(folder / "preprocessing.json")["runtime"] == "torch"
    for runtime in ("onnx", "onnx-int8"):
        with pytest.raises(ModelError, match="cannot be answered by onnx: .*; use runtime=torch") as caught:
            convert(folder, runtime=runtime, **GIVEN)
        one_line(caught.value)
        assert not list(folder.glob("*.onnx*"))


def test_a_graph_that_cannot_be_traced_says_so_without_a_page_of_it(exported, caplog, capfd):
    assert convert(exported("fnet"), runtime="auto", **GIVEN) == "torch"
    assert "Exporting the operator 'aten::fft_fftn'" in caplog.text
    assert "Torch IR graph" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("step", ["choose_runtime.build", "mixed_precision.fit_products", "mixed_precision.quantize"])
def test_whatever_a_step_raises_is_one_line(step, tiny_copy, monkeypatch, caplog):
    def fail(*_, **__):
        raise KeyError("a cause of its own\nand a page more")

    monkeypatch.setattr(f"sentiment.export.{step}", fail)
    expected = "torch" if step == "choose_runtime.build" else "onnx"  # that one is made without rounding
    assert convert(tiny_copy / "export", runtime="auto", **GIVEN) == expected
    assert "a cause of its own" in caplog.text
    with pytest.raises(ModelError, match="cannot be answered by onnx") as caught:
        convert(tiny_copy / "export", runtime="onnx-int8", **GIVEN)
    one_line(caught.value)


def test_edges_reach_from_no_word_to_max_length(tiny_run):
    model = Predictor.load(tiny_run)
    rows = edge_rows(["good film"], model)
    assert [len(row) for row in rows] == [2, 3, 17, 32]
    assert {row[0] for row in rows} == {101}
    assert {row[-1] for row in rows} == {102}


def answers(*logits):
    """A runtime that answers a row by its length alone, a batch with what follows for it."""
    table = dict(logits)
    return lambda rows: torch.tensor([table.get((len(row), len(rows)), table[len(row)]) for row in rows])


SAME = {1: [2.0, -2.0], 9: [-2.0, 2.0]}


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        ({**SAME}, None),
        ({**SAME, 9: [float("nan"), 0.0]}, "its answer to 9 tokens is not a number"),
        ({**SAME, 9: [2.0, -2.0]}, "its probabilities for 9 tokens are 0.96 from PyTorch's"),
        ({**SAME, (1, 2): [1.6, -1.6]}, "an answer changes by 0.02 with the texts beside it"),
        ({1: [2.0, -2.0]}, "it fails on 9 tokens: 9"),
    ],
    ids=["the same", "nan", "another label", "another batch", "raises"],
)
def test_a_graph_is_trusted_where_it_answers_alike(graph, reason):
    rows = [[0], [0] * 9]
    assert distrust(answers(*graph.items()), answers(*SAME.items()), rows) == reason


def test_a_message_is_cut_to_one_line():
    error = RuntimeError("x " * 400 + "\nmore")
    assert len(first_line(error)) <= 160
    assert first_line(ValueError()) == "ValueError"


def test_a_run_whose_graph_fails_is_complete_with_pytorch(train_tiny, monkeypatch, capfd):
    """Asked for by name or not: what was trained is not thrown away."""

    def fail(*_, **__):
        raise RuntimeError("no such operator")

    monkeypatch.setattr("sentiment.export.choose_runtime.build", fail)
    run = train_tiny("untraceable", "after_training.convert.runtime=onnx", "trainer.max_epochs=1")
    assert read_json(run / "run_summary.json")["runtime"] == "torch"
    assert (run / "metrics.json").is_file()
    assert "cannot be answered by onnx: no such operator" in " ".join("".join(capfd.readouterr()).split())
    with pytest.raises(SystemExit) as caught:
        main(["export", f"run={run}", "runtime=onnx"])
    assert caught.value.code == 2
    error = capfd.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert error.endswith("no such operator; use runtime=torch")
    assert Predictor.load(run).predict(["good film"])


def test_several_labels_are_compared_each_by_itself():
    """Logits that are all shifted alike have the same softmax, but give other labels."""

    def answer(offset):
        return lambda rows: torch.zeros(len(rows), 2) + offset

    rows = [[1], [1, 2]]
    assert distrust(answer(3), answer(0), rows) is None
    reason = distrust(answer(3), answer(0), rows, Multi((0.5, 0.5)))
    assert reason == "its probabilities for 1 tokens are 0.45 from PyTorch's"
