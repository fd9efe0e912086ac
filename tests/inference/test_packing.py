"""Packed rows give the answers and gradients of padded ones, on a processor and, where there is one, on a GPU."""

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from sentiment.inference.batching import group_packed, pad
from sentiment.inference.bf16 import on_device
from sentiment.inference.packing import enable_packing, pack, packs
from sentiment.inference.runtimes import first_token_only

on_gpu = lambda test: pytest.mark.gpu(pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")(test))  # noqa: E731
ROWS = [[2, 5, 3], [2, 3], [2, *range(5, 45), 3], [2, 9, 8, 7, 3]]
SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}


def network(**changes):
    torch.manual_seed(0)
    dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    config = BertConfig(vocab_size=50, max_position_embeddings=64, **SIZES | dropout | changes)
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        for parameter in model.parameters():  # the initial weights answer all rows alike
            parameter.normal_(std=0.2)
    return first_token_only(model)


def gradients(model, inputs):
    model.zero_grad()
    logits = model(**inputs).logits
    logits.square().sum().backward()
    return logits.detach(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def test_packed_rows_have_the_logits_and_gradients_of_padded_ones():
    model = network()
    expected, of_padded = gradients(model, pad(ROWS, 0))
    got, of_packed = gradients(enable_packing(model), pack(ROWS, 0))
    assert got.shape == (4, 2)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    assert of_packed.keys() == of_padded.keys()
    for name, gradient in of_padded.items():
        torch.testing.assert_close(of_packed[name], gradient, rtol=1e-3, atol=1e-3, msg=name)
    torch.testing.assert_close(model(**pad(ROWS, 0)).logits, expected)  # padded rows are still read


def test_a_row_does_not_read_the_rows_beside_it():
    model = enable_packing(network().eval())
    alone = torch.cat([model(**pack([row], 0)).logits for row in ROWS])
    torch.testing.assert_close(model(**pack(ROWS[::-1], 0)).logits.flip(0), alone, rtol=1e-4, atol=1e-5)


def test_the_tokens_are_a_multiple_and_each_row_counts_its_own_positions():
    inputs = pack([[2, 5, 3], [2, 3]], 0)
    assert inputs["input_ids"].shape == (1, 64)
    assert inputs["position_ids"][0, :6].tolist() == [0, 1, 2, 0, 1, 0]
    assert inputs["cu_seq_lens_q"].tolist() == [0, 3, 5, 64]
    assert pack([[1] * 64], 0)["input_ids"].shape == (1, 128)
    assert [pack([[1] * n], 0)["max_length_q"] for n in (1, 64, 65, 300)] == [64, 64, 128, 512]


def test_attention_dropout_and_other_architectures_are_padded():
    assert packs(network())
    assert not packs(network(attention_probs_dropout_prob=0.1))
    assert not packs(torch.nn.Linear(2, 2))


def test_groups_of_packed_rows_keep_their_order_and_the_budget():
    assert group_packed([5, 5, 5, 20, 1, 1], 10) == [[0, 1], [2], [3], [4, 5]]
    assert group_packed([], 10) == []


@on_gpu
def test_packed_gradients_on_a_gpu_are_those_of_padded_rows():
    model = network().cuda()
    with torch.autocast("cuda", dtype=torch.bfloat16):
        _, of_padded = gradients(model, on_device(pad(ROWS, 0), "cuda"))
        _, of_packed = gradients(enable_packing(model), on_device(pack(ROWS, 0), "cuda"))
    for name, gradient in of_padded.items():
        assert (of_packed[name] - gradient).norm() <= 0.05 * gradient.norm() + 1e-3, name
