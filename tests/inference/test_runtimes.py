import pytest
import torch
from transformers import AutoModelForSequenceClassification

from sentiment.errors import ModelError
from sentiment.inference.batching import pad
from sentiment.inference.predictor import Predictor
from sentiment.inference.runtimes import OnnxRuntime, first_token_only


def test_rows_are_padded_to_the_longest_and_masked():
    inputs = pad([[5, 6, 7], [8]], 0)
    assert inputs["input_ids"].tolist() == [[5, 6, 7], [8, 0, 0]]
    assert inputs["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert inputs["input_ids"].dtype == torch.int64


def test_a_missing_graph_is_told_with_the_command_that_makes_it(tiny_run):
    with pytest.raises(ModelError, match=r"missing; make it with: sentiment export run=.* runtime=onnx-int8"):
        Predictor.load(tiny_run, runtime="onnx-int8")


def test_a_broken_graph_is_told_in_one_line(tmp_path):
    (tmp_path / "model-onnx.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelError, match=r"model-onnx\.onnx is damaged: .*; make it with: .* runtime=onnx$"):
        OnnxRuntime(tmp_path / "model-onnx.onnx", 0)


def test_a_graph_is_computed_with_the_threads_that_torch_has(converted):
    session = OnnxRuntime(converted / "export" / "model-onnx-int8.onnx", 0).session
    assert session.get_session_options().intra_op_num_threads == torch.get_num_threads()


def test_the_last_layer_on_the_first_token_alone_changes_neither_logits_nor_gradients(tiny_run):
    inputs = pad([[101, 2204, 3185, 102], [101, 2919, 102]], 0)
    found = []
    for change in (lambda network: network, first_token_only):
        network = change(AutoModelForSequenceClassification.from_pretrained(tiny_run / "export").eval())
        logits = network(**inputs).logits
        logits.sum().backward()
        found.append((logits, {name: p.grad for name, p in network.named_parameters()}))
    (plain, wanted), (ours, got) = found
    torch.testing.assert_close(ours, plain)
    for name, gradient in wanted.items():
        torch.testing.assert_close(got[name], gradient, atol=1e-6, rtol=1e-4)
