"""What is replaced for speed gives what it replaces."""

import os
import subprocess
import sys

import psutil
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from sentiment.training.cpu_kernels import ATTENTION, CACHES, Dropout, accelerate, attend, kept_memory
from sentiment.training.networks import load_network

FLOAT32 = {"rtol": 0.03, "atol": 0.03}  # what bf16 with its 8 bits may lose


def inputs(tokens, *, requires_grad=True):
    torch.manual_seed(tokens)
    return [torch.randn(3, 2, tokens, 16).bfloat16().requires_grad_(requires_grad) for _ in range(3)]


def padding(tokens):
    """The first row is read whole, the others to a half and to one token, as masks of transformers say it."""
    mask = torch.ones(3, 1, tokens, tokens, dtype=torch.bool)
    mask[1, :, :, tokens // 2 :] = False
    mask[2, :, :, 1:] = False
    return mask


@pytest.mark.parametrize("tokens", [2, 31, 32, 50])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_and_its_gradients_are_those_of_pytorch(tokens, masked):
    mask = padding(tokens) if masked else None
    ours = inputs(tokens)
    answer, weights = attend(torch.nn.Module(), *ours, mask)
    torch.manual_seed(0)
    gradient = torch.randn(answer.shape)
    answer.backward(gradient.bfloat16())

    exact = [one.detach().float().requires_grad_() for one in ours]
    expected = torch.nn.functional.scaled_dot_product_attention(*exact, attn_mask=mask).transpose(1, 2)
    expected.backward(gradient)
    assert weights is None
    torch.testing.assert_close(answer.float(), expected, **FLOAT32)
    for mine, theirs in zip(ours, exact, strict=True):
        torch.testing.assert_close(mine.grad.float(), theirs.grad, **FLOAT32)


def test_attention_of_the_first_query_alone_leaves_the_others_empty():
    module = torch.nn.Module()
    query, key, value = inputs(40, requires_grad=False)
    whole, _ = attend(module, query, key, value, padding(40))
    module.first_query_only = True
    first, _ = attend(module, query, key, value, padding(40))
    torch.testing.assert_close(first[:, :1], whole[:, :1])
    assert first.shape == whole.shape
    assert not first[:, 1:].any()


def test_masks_that_differ_by_query_are_those_of_pytorch():
    """A sliding window (ModernBERT) and a causal decoder: each query reads other tokens."""
    near = (torch.arange(40)[:, None] - torch.arange(40)).abs() < 4
    for mask in (padding(40) & near, padding(40) & torch.ones(40, 40, dtype=torch.bool).tril()):
        ours = inputs(40, requires_grad=False)
        answer, _ = attend(torch.nn.Module(), *ours, mask)
        exact = [one.float() for one in ours]
        expected = torch.nn.functional.scaled_dot_product_attention(*exact, attn_mask=mask).transpose(1, 2)
        told = mask.any(-1).transpose(1, 2)[..., None]  # a query that reads nothing has no answer
        torch.testing.assert_close((answer.float() * told).nan_to_num(), (expected * told).nan_to_num(), **FLOAT32)


def test_float32_and_dropout_of_weights_go_the_way_of_pytorch():
    module = torch.nn.Module()
    module.is_causal = False  # as the attention of BERT says
    query, key, value = (one.float() for one in inputs(5, requires_grad=False))
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value).transpose(1, 2)
    torch.testing.assert_close(attend(module, query, key, value, None)[0], expected)
    dropped = [attend(module, query, key, value, None, dropout=0.5)[0] for _ in range(2)]
    assert not torch.equal(*dropped)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1001,), (64, 31, 48)])
def test_dropout_keeps_a_share_and_scales_it(dtype, shape):
    torch.manual_seed(0)
    x = torch.ones(shape, dtype=dtype, requires_grad=True)
    y = Dropout(0.25)(x)
    kept = y != 0
    assert abs(kept.float().mean().item() - 0.75) < 5 * (0.75 * 0.25 / x.numel()) ** 0.5
    torch.testing.assert_close(y[kept].float(), torch.full((int(kept.sum()),), 4 / 3), rtol=0.01, atol=0)
    y.backward(torch.full(shape, 2.0, dtype=dtype))
    torch.testing.assert_close(x.grad, 2 * y.detach(), rtol=0.01, atol=0)


def test_dropout_drops_places_that_do_not_depend_on_each_other():
    torch.manual_seed(1)
    kept = (Dropout(0.5)(torch.ones(4096, 64)) != 0).float() - 0.5
    correlations = kept.T @ kept / (0.25 * 4096) - torch.eye(64)
    assert correlations.abs().max() < 6 / 4096**0.5


def test_dropout_follows_the_seed_and_rests_outside_of_training():
    layer, x = Dropout(0.5), torch.ones(100)
    torch.manual_seed(7)
    first = layer(x)
    second = layer(x)
    torch.manual_seed(7)
    assert torch.equal(layer(x), first)
    assert not torch.equal(first, second)
    assert torch.equal(layer.eval()(x), x)


def test_an_accelerated_network_answers_and_is_saved_as_before(tiny_backbone, tmp_path):
    plain, fast = (load_network(tiny_backbone, ["a", "b"], attention_dropout=0.0)[0].eval() for _ in range(2))
    fast.load_state_dict(plain.state_dict())
    accelerate(fast)
    batch = {"input_ids": torch.tensor([[2, 5, 6, 3], [2, 7, 3, 0]]), "attention_mask": torch.ones(2, 4).long()}
    batch["attention_mask"][1, 3] = 0
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(fast(**batch).logits, plain(**batch).logits, **FLOAT32)
    assert fast.config._attn_implementation == ATTENTION
    fast.save_pretrained(tmp_path)
    assert ATTENTION not in (tmp_path / "config.json").read_text().replace("sentiment_", "")
    assert AutoModelForSequenceClassification.from_pretrained(tmp_path).config._attn_implementation == "sdpa"


def resident_mb():
    return psutil.Process().memory_info().rss / 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="memory is told of by /proc, and kept by glibc")
def test_memory_is_kept_inside_and_given_back_at_the_end():
    before = resident_mb()
    with kept_memory():
        for _ in range(3):
            torch.ones(256 * 2**18)  # 256 MB
        assert resident_mb() - before > 100
    assert resident_mb() - before < 50


SHAPES = """
import psutil
import torch
from sentiment.training.cpu_kernels import kept_memory

layers, sizes = torch.nn.Sequential(torch.nn.Linear(256, 256), torch.nn.Linear(256, 256)), []
for shapes in (range(1, 101), range(101, 301)):
    with kept_memory():
        for rows in shapes:
            with torch.autocast("cpu", torch.bfloat16):
                answer = layers(torch.ones(rows, 256))
            answer.backward(torch.ones_like(answer))
    sizes.append(psutil.Process().memory_info().rss / 2**20)
print(sizes[1] - sizes[0])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is told of by /proc")
def test_batches_of_new_lengths_do_not_take_more_and_more_memory():
    environment = {name: value for name, value in os.environ.items() if name not in CACHES}
    done = subprocess.run([sys.executable, "-c", SHAPES], env=environment, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 40  # by itself PyTorch takes 160 on a processor with bf16
