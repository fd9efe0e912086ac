"""Int8 with some products in fp32, where rounding all of them does not pass the gate; and processors without VNNI."""

import logging
import os
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from onnx.numpy_helper import to_array

from sentiment.backbones import load_tokenizer
from sentiment.export import convert, mixed_precision
from sentiment.export.comparison import Trial
from sentiment.export.huggingface import export
from sentiment.inference import runtimes
from sentiment.inference.checksums import verify_export
from sentiment.inference.fidelity import Fidelity
from sentiment.inference.predictor import Predictor
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.runtimes import OnnxRuntime
from sentiment.training.networks import load_network
from tests.backbones import POSITIONS, WORDS, build
from tests.conftest import read_json

TEXTS = [" ".join(np.random.default_rng(i).choice(WORDS, 2 + i % 9)) for i in range(60)]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """An export whose first layer adds a large constant and takes it away again, in a product that int8 ruins."""
    folder = tmp_path_factory.mktemp("hostile")
    network, _ = load_network(build("bert", folder / "backbone"), ["bad", "good"])
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.mul_(10)
        first = network.bert.encoder.layer[0]
        first.intermediate.dense.weight[0] = 0
        first.intermediate.dense.bias[0] = 100  # GELU(100) is 100, whatever the text
        first.output.dense.weight[:, 0] = 10
        first.output.dense.bias -= 100 * 10
    return export(network.eval(), load_tokenizer(str(folder / "backbone")), Preprocessing(POSITIONS), into=folder / "e")


@pytest.fixture
def mixed(hostile, tmp_path):
    return shutil.copytree(hostile, tmp_path / "export")


def test_the_one_product_that_int8_ruins_stays_fp32(mixed, caplog):
    caplog.set_level(logging.INFO)
    assert convert(mixed, runtime="auto", train=TEXTS, texts=TEXTS) == "onnx-int8"
    verify_export(mixed)
    record = read_json(mixed / "conversion.json")
    assert record["summary"].startswith("onnx-int8 (8-bit weights, 1 of ") or runtimes.saturates()
    assert record["chosen"]["passes"]
    assert record["chosen"]["in_fp32"] == ["/model/bert/encoder/layer.0/output/dense/MatMul"]
    assert record["chosen"]["products"] > 1
    graph = onnx.load(mixed / "model-onnx-int8.onnx").graph
    assert "/model/bert/encoder/layer.0/output/dense/MatMul" in {n.name for n in graph.node if n.op_type == "MatMul"}
    assert {"QAttention", "MatMulIntegerToFloat"} <= {node.op_type for node in graph.node}
    ours, theirs = (Predictor.load(mixed, runtime=name).probabilities(TEXTS) for name in ("auto", "torch"))
    torch.testing.assert_close(ours, theirs, atol=0.05, rtol=0)
    [line] = [r.message for r in caplog.records if r.message.startswith("chosen (comparisons: ")]
    assert "1 of" in line
    assert "products in fp32" in line


def test_int8_by_name_rounds_all_products_whatever_the_gate_says(tiny_copy, monkeypatch):
    monkeypatch.setattr("sentiment.inference.fidelity.MAX_RMS", -1.0)
    convert(tiny_copy / "export", runtime="onnx-int8", train=TEXTS, texts=TEXTS)
    chosen = read_json(tiny_copy / "export" / "conversion.json")["chosen"]
    assert (chosen["runtime"], chosen["passes"], chosen["in_fp32"]) == ("onnx-int8", False, [])


def trial(passes, in_fp32):
    return Trial("onnx-int8", Fidelity(1, 1, 0 if passes else 1, 0, 0), bits=8, in_fp32=in_fp32)


@pytest.mark.parametrize("least", [1, 2, 5, 7, 8])
def test_the_search_is_bounded_and_finds_the_fewest(least, monkeypatch):
    names = list("abcdefgh")
    monkeypatch.setattr(mixed_precision, "most_sensitive_first", lambda *_: names)
    rounding = mixed_precision.Rounding(None, dict.fromkeys(names), 8)
    asked = []

    def attempt(in_fp32):
        asked.append(len(in_fp32))
        return trial(len(in_fp32) >= least, in_fp32)

    class Probe:
        texts = ()

    found = mixed_precision.search(rounding, Probe, attempt)
    assert (len(found.in_fp32) if found else 8) == least  # with all 8 in fp32 it is the fp32 graph
    assert len(asked) <= 3


WEIGHTS = "model-onnx-int8.onnx"


def largest_weight(export):
    tensors = onnx.load(export / WEIGHTS).graph.initializer
    return max(np.abs(to_array(t).astype(int)).max() for t in tensors if t.data_type == onnx.TensorProto.INT8)


@pytest.mark.parametrize(("saturates", "most", "bits"), [(False, 127, 8), (True, 64, 7)])
def test_weights_have_8_bits_where_their_products_do_not_saturate(tiny_copy, monkeypatch, saturates, most, bits):
    monkeypatch.setattr("sentiment.export.quantization.saturates", lambda: saturates)
    exported = tiny_copy / "export"
    convert(exported, runtime="onnx-int8", train=TEXTS, texts=TEXTS)
    assert largest_weight(exported) == most
    assert read_json(exported / "conversion.json")["chosen"]["weight_bits"] == bits


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"architecture": "x86_64", "avx2": True, "avx512_vnni": False, "avx_vnni": False}, True),
        ({"architecture": "x86_64", "avx2": True, "avx512_vnni": True}, False),
        ({"architecture": "x86_64", "avx_vnni": True}, False),
        ({"architecture": "aarch64"}, False),
    ],
)
def test_products_saturate_on_x86_without_vnni(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert runtimes.saturates() is expected


def precision(runtime):
    return runtime.session.get_session_options().get_session_config_entry("session.x64quantprecision")


def test_a_graph_of_8_bits_is_computed_exactly_without_vnni_and_says_so(tiny_copy, monkeypatch, caplog):
    exported = tiny_copy / "export"
    for bits in (8, 7):
        monkeypatch.setattr("sentiment.export.quantization.saturates", lambda bits=bits: bits == 7)
        convert(exported, runtime="onnx-int8", train=TEXTS, texts=TEXTS)
        monkeypatch.setattr(runtimes, "saturates", lambda: False)
        assert precision(OnnxRuntime(exported / WEIGHTS, 0)) == "0"
        caplog.clear()
        monkeypatch.setattr(runtimes, "saturates", lambda: True)
        assert precision(OnnxRuntime(exported / WEIGHTS, 0)) == ("1" if bits == 8 else "0")
        assert ("8-bit weights, whose sums overflow on this processor" in caplog.text) is (bits == 8)


def test_a_graph_of_an_earlier_release_has_7_bits(converted, tmp_path, monkeypatch, caplog):
    model = onnx.load(converted / "export" / WEIGHTS)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / WEIGHTS)
    monkeypatch.setattr(runtimes, "saturates", lambda: True)
    assert precision(OnnxRuntime(tmp_path / WEIGHTS, 0)) == "0"
    assert not caplog.records


PRODUCT = """
import sys, numpy, onnxruntime
rows, weights = (numpy.load(path) for path in sys.argv[2:4])
for exact in "01":
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", exact)
    session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
    [got] = session.run(None, {"x": rows})
    print(int(abs(got - rows.astype(int) @ weights.astype(int)).max()))
"""


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("qemu-x86_64") is None, reason="needs qemu-user, which emulates a processor without VNNI"
)
def test_the_exact_products_of_onnx_runtime_do_not_saturate_on_avx2(tmp_path):
    """The session option that `open_session(exact=True)` sets, run on an emulated Haswell."""
    weights = np.full((64, 8), 127, dtype=np.int8)
    constants = {"w": weights, "s": np.float32(1), "ws": np.ones(8, np.float32), "z": np.uint8(0)}
    node = onnx.helper.make_node("MatMulIntegerToFloat", ["x", *constants], ["y"], domain="com.microsoft")
    ends = [
        [onnx.helper.make_tensor_value_info(name, kind, ["n", width])]
        for name, kind, width in (("x", onnx.TensorProto.UINT8, 64), ("y", onnx.TensorProto.FLOAT, 8))
    ]
    tensors = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    sets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("com.microsoft", 1)]
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "g", *ends, tensors), opset_imports=sets, ir_version=8
    )
    onnx.save(model, tmp_path / "m.onnx")
    for name, array in {"x": np.full((4, 64), 255, dtype=np.uint8), "w": weights}.items():
        np.save(tmp_path / f"{name}.npy", array)
    files = [str(tmp_path / name) for name in ("m.onnx", "x.npy", "w.npy")]
    command = ["qemu-x86_64", "-cpu", "Haswell", os.path.realpath(sys.executable), "-c", PRODUCT, *files]
    packages = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": packages}
    )
    saturated, exact = map(int, done.stdout.split())
    assert saturated > 100_000  # of 255 * 127 * 64 = 2,072,640
    assert exact == 0
