"""AdamW over sparse gradients, and clipping with them."""

import copy

import pytest
import torch

from sentiment.training import param_groups as parameters
from sentiment.training.optimizers import AdamW

ARGUMENTS = {"lr": 0.1, "weight_decay": 0.2, "betas": (0.8, 0.9)}


def embedding(*, sparse):
    torch.manual_seed(0)
    return torch.nn.Embedding(6, 4, sparse=sparse)


def step(layer, optimizer, rows):
    optimizer.zero_grad()
    (layer(torch.tensor(rows)) ** 2).sum().backward()
    optimizer.step()


@pytest.mark.parametrize("fused", [False, True])
def test_rows_that_are_always_there_move_as_under_the_dense_optimizer(fused):
    sparse, dense = embedding(sparse=True), embedding(sparse=False)
    ours = AdamW(sparse.parameters(), **ARGUMENTS, fused=fused)
    theirs = torch.optim.AdamW(dense.parameters(), **ARGUMENTS, fused=fused)
    for _ in range(4):
        step(sparse, ours, [0, 1, 2, 3, 4, 5, 2])
        step(dense, theirs, [0, 1, 2, 3, 4, 5, 2])
    torch.testing.assert_close(sparse.weight, dense.weight)


def test_rows_that_are_not_there_stay():
    layer = embedding(sparse=True)
    before = layer.weight.detach().clone()
    optimizer = AdamW(layer.parameters(), **ARGUMENTS)
    for rows in ([1, 3], [3, 3]):
        step(layer, optimizer, rows)
    changed = (layer.weight != before).any(dim=1)
    assert changed.tolist() == [False, True, False, True, False, False]


def test_it_goes_on_from_its_saved_state_and_from_that_of_the_dense_one():
    layer, other = embedding(sparse=True), embedding(sparse=True)
    first = AdamW(layer.parameters(), **ARGUMENTS)
    step(layer, first, [0, 1])
    other.load_state_dict(layer.state_dict())
    second = AdamW(other.parameters(), **ARGUMENTS)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for one, optimizer in ((layer, first), (other, second)):
        step(one, optimizer, [1, 4])
    assert torch.equal(layer.weight, other.weight)

    dense = torch.optim.AdamW(layer.parameters(), **ARGUMENTS)
    dense.load_state_dict(first.state_dict())
    assert dense.state_dict()["state"][0]["step"] == 2


def test_dense_parameters_beside_sparse_ones_are_updated_as_ever():
    layer, linear, twin = embedding(sparse=True), torch.nn.Linear(4, 2), torch.nn.Linear(4, 2)
    twin.load_state_dict(linear.state_dict())
    optimizer = AdamW([*layer.parameters(), *linear.parameters()], **ARGUMENTS)
    alone = torch.optim.AdamW(twin.parameters(), **ARGUMENTS)
    for one in (linear, twin):
        one(layer(torch.tensor([0, 1]))).sum().backward()
    optimizer.step()
    alone.step()
    torch.testing.assert_close(linear.weight, twin.weight)


def test_a_closure_gives_the_loss_with_its_gradients():
    layer = embedding(sparse=True)
    optimizer = AdamW(layer.parameters(), **ARGUMENTS)
    before = layer.weight.detach().clone()

    def closure():
        loss = (layer(torch.tensor([2])) ** 2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == pytest.approx((before[2] ** 2).sum().item())
    assert not torch.equal(layer.weight[2], before[2])


@pytest.mark.parametrize("limit", [0.5, 1000.0])
def test_clipping_counts_sparse_gradients_as_the_dense_ones_they_stand_for(limit):
    layers = {sparse: embedding(sparse=sparse) for sparse in (True, False)}
    heads = {sparse: torch.nn.Linear(4, 1) for sparse in layers}
    heads[True].load_state_dict(heads[False].state_dict())
    for sparse, layer in layers.items():
        heads[sparse](layer(torch.tensor([1, 1, 5])) ** 2).sum().backward()
    both = {sparse: [*layers[sparse].parameters(), *heads[sparse].parameters()] for sparse in layers}
    parameters.clip_norm(both[True], limit)
    torch.nn.utils.clip_grad_norm_(both[False], limit)
    for ours, theirs in zip(both[True], both[False], strict=True):
        torch.testing.assert_close(ours.grad.to_dense(), theirs.grad)
