"""The bf16 runtime is for GPUs, and for models whose answers survive it."""

import copy

import pytest
import torch

from sentiment.errors import ConfigError
from sentiment.inference.bf16 import Bf16Runtime, probes, unfaithful
from sentiment.inference.predictor import Predictor
from sentiment.inference.runtimes import TorchRuntime
from tests.inference.test_packing import network, on_gpu


def test_bf16_is_for_gpus(tiny_run):
    with pytest.raises(ConfigError, match=r"runtime=torch-bf16: device=cpu multiplies no bf16.*set runtime=torch"):
        Predictor.load(tiny_run, runtime="torch-bf16")
    assert Predictor.load(tiny_run).settings["runtime"] == "torch"


def test_a_runtime_that_answers_otherwise_is_found_out():
    model = network().eval()
    exact = TorchRuntime(model, 0)
    rows = probes(50, 64)
    assert [len(rows[0]), len(rows[-1])] == [1, 64]
    assert unfaithful(exact, exact, rows) is None
    assert "0.00% of the answers to 256 texts are PyTorch's" in str(unfaithful(lambda some: -exact(some), exact, rows))
    assert unfaithful(lambda some: exact(some) * torch.nan, exact, rows) == "its answers are not numbers"


@on_gpu
def test_bf16_on_a_gpu_answers_as_fp32_on_the_processor():
    model = network().eval()
    runtime = Bf16Runtime(copy.deepcopy(model).cuda(), 0, device="cuda")
    assert runtime.packed
    assert unfaithful(runtime, TorchRuntime(model, 0), probes(50, 64)) is None
