"Tokens of every space that can be embedded: where values begin, how they are shaped, and what is refused."
from dataclasses import fields

import numpy as np
import pytest
import torch
from gymnasium import spaces

from compressed_ad.embedding import (
    TABLE_SCALE,
    BoxEmbedding,
    DiscreteEmbedding,
    MultiDiscreteEmbedding,
    TransitionEmbedding,
    Transitions,
    embed_space,
)
from compressed_ad.spaces import SpaceError

IMAGE = spaces.Box(0, 255, (4, 3, 2), np.uint8)


@pytest.fixture
def arrays():
    "Two histories of six transitions in a 9x9 room, as `LearningHistories.read` returns them."
    random = np.random.default_rng(0)
    return {"observations": random.integers(9, size=(2, 6, 2)), "actions": random.integers(4, size=(2, 6)),
            "rewards": random.integers(2, size=(2, 6)).astype(np.float32),
            "next_observations": random.integers(9, size=(2, 6, 2)),
            "episode_ends": random.random((2, 6)) < 0.3, "entropies": random.random((2, 6))}


def test_tables_are_new_and_small():
    torch.manual_seed(0)
    weight = DiscreteEmbedding(spaces.Discrete(1000), 64).table.weight
    assert abs(weight.std().item() - TABLE_SCALE) < 0.002
    assert abs(weight.mean().item()) < 0.002


def test_a_discrete_space_may_begin_anywhere():
    late = embed_space(spaces.Discrete(3, start=5), 8)
    assert torch.equal(late(torch.tensor([5, 6, 7])), late.table.weight)
    stored = torch.tensor([6], dtype=torch.uint8)  # histories store small integers
    assert torch.equal(late(stored), late.table.weight[1:2])


@pytest.mark.parametrize("value", [4, 8])
def test_a_value_outside_its_space_does_not_pass(value):
    late = embed_space(spaces.Discrete(3, start=5), 8)
    with pytest.raises(IndexError, match="out of range"):
        late(torch.tensor([value]))


def test_factors_of_other_sizes_that_begin_elsewhere():
    shifted = embed_space(spaces.MultiDiscrete([3, 4, 2], start=[1, -2, 0]), 8)
    rows = shifted.tables.weight
    assert rows.shape == (3 + 4 + 2, 8)
    assert torch.allclose(shifted(torch.tensor([1, -2, 0])), rows[0] + rows[3] + rows[7])  # first values
    assert torch.allclose(shifted(torch.tensor([3, 1, 1])), rows[2] + rows[6] + rows[8])  # last values


def test_scalars_and_images_go_through_a_linear_layer():
    torch.manual_seed(0)
    number, image = embed_space(spaces.Box(-np.inf, np.inf, ()), 8), embed_space(IMAGE, 8)
    weight, bias = number.linear.weight[:, 0], number.linear.bias
    values = torch.tensor([[0.0, 1.0, -2.5]])
    by_hand = torch.stack([value * weight + bias for value in values[0]])[None]
    assert torch.allclose(number(values), by_hand)
    random = np.random.default_rng(0)
    pictures = torch.as_tensor(random.integers(256, size=(2, 5, 4, 3, 2), dtype=np.uint8))
    flat = pictures.reshape(2, 5, 24).float()
    assert image(pictures).shape == (2, 5, 8)
    assert torch.allclose(image(pictures), flat @ image.linear.weight.T + image.linear.bias, atol=1e-3)


@pytest.mark.parametrize("space, kind", [
    (spaces.Discrete(4), DiscreteEmbedding), (spaces.MultiDiscrete([4, 4]), MultiDiscreteEmbedding),
    (IMAGE, BoxEmbedding)])
def test_each_kind_of_space_has_its_module(space, kind):
    module = embed_space(space, 8)
    assert type(module) is kind
    assert module(torch.as_tensor(space.sample())[None]).shape == (1, 8)


@pytest.mark.parametrize("space", [
    spaces.Dict(a=spaces.Discrete(2)), spaces.Tuple([spaces.Discrete(2)]), spaces.MultiBinary(3),
    spaces.Text(5), spaces.MultiDiscrete([[2, 2], [2, 2]])], ids=lambda space: type(space).__name__)
def test_refuses_other_spaces_by_name(space):
    with pytest.raises(SpaceError) as refused:
        embed_space(space, 8)
    message = f"space = {space}: must be Discrete, MultiDiscrete with one row of factors, or Box"
    assert str(refused.value) == message


def test_transitions_take_the_five_fields_and_nothing_else(arrays):
    transitions = Transitions.of(arrays)
    assert not hasattr(transitions, "entropies")
    for field in fields(transitions):
        assert np.array_equal(getattr(transitions, field.name), arrays[field.name])
        assert np.array_equal(getattr(transitions[:, 2:5], field.name), arrays[field.name][:, 2:5])
    assert transitions[1, 3].actions == arrays["actions"][1, 3]
    del arrays["rewards"]
    with pytest.raises(KeyError, match="rewards"):
        Transitions.of(arrays)


def test_a_loss_reaches_every_table_and_in_it_the_rows_that_were_looked_up(arrays):
    torch.manual_seed(0)
    embedding = TransitionEmbedding(spaces.MultiDiscrete([9, 9]), spaces.Discrete(5), 16)
    embedding(Transitions.of(arrays)).square().sum().backward()
    gradients = {name: parameter.grad for name, parameter in embedding.named_parameters()}
    assert len(gradients) == 6
    assert all(gradient.abs().sum() > 0 for gradient in gradients.values())
    reached = gradients["fields.actions.table.weight"].abs().sum(-1) > 0
    taken = sorted(set(arrays["actions"].flatten().tolist()))
    assert reached.nonzero().flatten().tolist() == taken
    assert 4 not in taken  # one row is left alone


def test_tokens_of_images(arrays):
    random = np.random.default_rng(0)
    pictures = random.integers(256, size=(2, 6, 4, 3, 2), dtype=np.uint8)
    seen = arrays | {"observations": pictures, "next_observations": pictures}
    assert TransitionEmbedding(IMAGE, spaces.Discrete(4), 16)(Transitions.of(seen)).shape == (2, 6, 16)
