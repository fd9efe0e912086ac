"""The tiny model through every runtime: what converts, what is chosen, and whether answers are the same."""

import html
import re
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from omegaconf import OmegaConf
from transformers import AlbertConfig, AlbertForSequenceClassification, AutoTokenizer

from sentiment.cli import main
from sentiment.errors import ModelError
from sentiment.export import convert
from sentiment.export.comparison import spread
from sentiment.export.huggingface import export
from sentiment.export.quantization import round_weights, weighted_products
from sentiment.inference.checksums import verify_export
from sentiment.inference.predictor import Predictor
from sentiment.inference.preprocessing import Preprocessing
from sentiment.serving.archive import package
from tests.conftest import read_json

TEXTS = ["good film", "bad " * 25, "bad meal", "good song and so on and so on", "?", "a room"]


def kinds(run, runtime):
    graph = onnx.load(run / "export" / f"model-{runtime}.onnx").graph
    return [node.op_type for node in graph.node]


@pytest.fixture(scope="module")
def exact(tiny_run, tmp_path_factory):
    """A copy of the run, with a graph in fp32."""
    run = shutil.copytree(tiny_run, tmp_path_factory.mktemp("exact") / "run")
    main(["export", f"run={run}", "runtime=onnx"])
    return run


def test_whoever_reads_the_config_reads_the_weights(converted):
    assert len({path.stat().st_mode for path in (converted / "export").iterdir()}) == 1


def test_the_fp32_graph_gives_the_probabilities_of_the_model(exact):
    assert read_json(exact / "export" / "preprocessing.json")["runtime"] == "onnx"
    ours = Predictor.load(exact).probabilities(TEXTS)
    theirs = Predictor.load(exact, runtime="torch").probabilities(TEXTS)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_attention_is_one_node_and_the_last_layer_works_on_the_first_token_alone(exact):
    found = kinds(exact, "onnx")
    assert found.count("Attention") == 2
    assert found.index("LayerNormalization", len(found) - found[::-1].index("Attention")) > found.index("Gather")
    after = found[len(found) - found[::-1].index("Attention") :]
    assert after[:3] == ["Gather", "Gather", "MatMul"] or after[:2] == ["Gather", "MatMul"]
    assert after.count("Gather") == 3  # both inputs of the layer's rest, and the head's own


def test_int8_answers_do_not_depend_on_their_neighbours(converted):
    assert read_json(converted / "export" / "preprocessing.json")["runtime"] == "onnx-int8"
    predictor = Predictor.load(converted)
    together = predictor.probabilities(TEXTS)
    alone = torch.cat([predictor.probabilities([text]) for text in TEXTS])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_int8_is_near_the_model_and_not_the_same(converted):
    ours = Predictor.load(converted).probabilities(TEXTS)
    theirs = Predictor.load(converted, runtime="torch").probabilities(TEXTS)
    torch.testing.assert_close(ours, theirs, atol=0.05, rtol=0)
    assert not torch.equal(ours, theirs)
    assert "DynamicQuantizeLinear" not in kinds(converted, "onnx-int8")
    assert {"QAttention", "MatMulIntegerToFloat"} <= set(kinds(converted, "onnx-int8"))


def test_sums_are_nodes_of_their_own_and_stay_so_in_a_session(exact, converted, tmp_path):
    plain, rounded = kinds(exact, "onnx"), kinds(converted, "onnx-int8")
    for found in (plain, rounded):
        assert (found.count("LayerNormalization"), found.count("Gelu")) == (4, 2)
        assert not {"SkipLayerNormalization", "BiasGelu"} & set(found)
    assert rounded.count("Add") == plain.count("Add") - 3  # the products of the first layer add their bias themselves
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "as-run.onnx")
    graph = converted / "export" / "model-onnx-int8.onnx"
    onnxruntime.InferenceSession(graph, options, disabled_optimizers=["SkipLayerNormFusion"])
    assert "SkipLayerNormalization" not in {node.op_type for node in onnx.load(tmp_path / "as-run.onnx").graph.node}


def test_layers_that_share_their_weights_are_rounded_too(tiny_backbone, tmp_path):
    config = AlbertConfig(
        hidden_size=16, embedding_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32
    )
    tokenizer, network = AutoTokenizer.from_pretrained(tiny_backbone), AlbertForSequenceClassification(config)
    exported = export(network, tokenizer, Preprocessing(32), into=tmp_path / "export")
    convert(exported, runtime="onnx-int8", train=TEXTS, texts=TEXTS)
    ours = Predictor.load(exported).probabilities(TEXTS)
    theirs = Predictor.load(exported, runtime="torch").probabilities(TEXTS)
    torch.testing.assert_close(ours, theirs, atol=0.05, rtol=0)
    assert weighted_products(onnx.load(exported / "model-onnx-int8.onnx").graph) == []  # none is left in float


def test_texts_that_have_changed_are_said_and_an_unknown_label_is_refused_before_the_graph_is_built(
    tiny_copy, tmp_path, capfd
):
    cfg = OmegaConf.load(tiny_copy / ".hydra" / "config.yaml")
    cfg.data.dir = str(shutil.copytree(cfg.data.dir, tmp_path / "changed"))
    OmegaConf.save(cfg, tiny_copy / ".hydra" / "config.yaml")
    validation = tmp_path / "changed" / "validation.csv"
    validation.write_text(validation.read_text().replace("good", "fine"))
    main(["export", f"run={tiny_copy}", "runtime=torch"])
    assert "the validation texts or labels have changed since this run was trained; the" in capfd.readouterr().err

    before = {path: path.read_bytes() for path in (tiny_copy / "export").iterdir()}
    validation.write_text(validation.read_text() + "so so,neutral\n")
    with pytest.raises(SystemExit):
        main(["export", f"run={tiny_copy}", "runtime=onnx"])
    assert "has the label 'neutral', unknown to the label set: negative, positive" in capfd.readouterr().err
    assert {path: path.read_bytes() for path in (tiny_copy / "export").iterdir()} == before


def test_only_the_chosen_graph_stays_and_torch_leaves_none(converted, tmp_path):
    run = shutil.copytree(converted, tmp_path / "run")
    assert [path.name for path in (run / "export").glob("*.onnx")] == ["model-onnx-int8.onnx"]
    main(["export", f"run={run}", "runtime=torch"])
    assert not list((run / "export").glob("*.onnx"))
    assert read_json(run / "export" / "preprocessing.json")["runtime"] == "torch"


def test_card_and_report_tell_the_runtime_and_how_near_it_is(converted, tiny_run, tmp_path):
    summary = read_json(converted / "export" / "conversion.json")["summary"]
    assert re.match(r"onnx-int8 \([78]-bit weights\): .* of the answers to 16 texts are PyTorch", summary)
    line = f"Runtime on a CPU (`conversion.json`): {summary}."
    assert line in (converted / "export" / "README.md").read_text(encoding="utf-8").splitlines()
    assert "`conversion.json`): torch." in (tiny_run / "export" / "README.md").read_text(encoding="utf-8")
    main(["evaluate", f"run={converted}", f"output={tmp_path}", "baseline=false", "behaviour=null"])
    page = html.unescape((tmp_path / "report" / "report.html").read_text(encoding="utf-8"))
    assert f"<dt>runtime</dt><dd>{summary}</dd>" in page


def test_auto_takes_the_first_faithful_one(tiny_copy, monkeypatch):
    monkeypatch.setattr("sentiment.inference.fidelity.MAX_RMS", -1.0)  # nothing passes
    told = {"train": TEXTS, "texts": TEXTS}
    assert convert(tiny_copy / "export", runtime="auto", **told) == "torch"
    assert not list((tiny_copy / "export").glob("*.onnx"))
    assert read_json(tiny_copy / "export" / "conversion.json")["chosen"] == {"runtime": "torch"}
    monkeypatch.setattr("sentiment.inference.fidelity.MAX_RMS", 1.0)
    assert convert(tiny_copy / "export", runtime="auto", **told) == "onnx-int8"
    verify_export(tiny_copy / "export")


def test_a_backbone_that_cannot_be_traced_stays_with_torch(tiny_copy, monkeypatch, caplog):
    def fail(*_, **__):
        raise RuntimeError("no such operator\nand a page more")

    monkeypatch.setattr("sentiment.export.choose_runtime.build", fail)
    told = {"train": TEXTS, "texts": TEXTS}
    assert convert(tiny_copy / "export", runtime="auto", **told) == "torch"
    assert "no such operator" in caplog.text
    with pytest.raises(ModelError, match="use runtime=torch"):
        convert(tiny_copy / "export", runtime="onnx", **told)


def test_a_sample_is_spread_over_a_sorted_file():
    assert spread([str(i) for i in range(10)], 5) == ["0", "2", "4", "6", "8"]
    assert spread(["a"], 5) == ["a"]


def test_the_archive_carries_the_graph_and_answers_with_it(converted, tmp_path):
    import zipfile

    mar = package(run=converted, model_store=tmp_path)
    names = zipfile.ZipFile(mar).namelist()
    assert {"model-onnx-int8.onnx", "model.safetensors", "sentiment/inference/runtimes.py"} <= set(names)


def test_a_graph_answers_without_the_seconds_that_transformers_takes_to_import(exact):
    code = (
        "import sys\nfrom pathlib import Path\nfrom sentiment.inference.predictor import Predictor\n"
        f"Predictor.load(Path({str(exact)!r})).predict(['good film'])\nprint('transformers' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_weights_are_rounded_so_that_products_change_less_than_by_the_nearest():
    random = np.random.default_rng(0)
    inputs = random.normal(size=(400, 24)) @ random.normal(size=(24, 24))  # channels that go together
    weights = random.uniform(-64, 64, size=(24, 8)).astype(np.float32)
    ours, nearest = round_weights(weights, inputs.T @ inputs, 64), np.round(weights)
    errors = [np.square(inputs @ (some - weights)).sum() for some in (ours, nearest)]
    assert errors[0] < 0.6 * errors[1]
    assert ours.dtype == np.int8
    assert np.abs(ours).max() <= 64
