"""Convolutional layers: what counts as an image, gradients beside autograd, and bytes that stay bytes."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box
from torch import nn

from autorl.agents.actor_critic import ActorCriticShape
from autorl.agents.image_actor_critic import ImageActorCriticShape
from autorl.agents.image_replay import ImageReplay
from autorl.agents.images import ImageLayout, ImageShape, image_shape
from autorl.agents.networks import Layout
from autorl.algorithms.dqn import DQN
from autorl.algorithms.mo_ppo import MOPPO
from autorl.algorithms.pcn import PCN
from autorl.algorithms.ppo import PPO
from autorl.algorithms.sac import SAC
from autorl.environment import Environment, Spaces, Step
from autorl.errors import InvalidInput
from autorl.records import Agent

TOY = "tests.contract.contract_environments:contract/Toy-v0"


def bytes_of(*shape: int) -> Box:
    return Box(0, 255, shape, np.uint8)


def test_an_image_is_three_axes_of_bytes_with_few_channels() -> None:
    assert image_shape(bytes_of(84, 84, 3)) == ImageShape(3, 84, 84, channels_first=False)
    assert image_shape(bytes_of(4, 84, 60)) == ImageShape(4, 84, 60, channels_first=True)
    assert image_shape(bytes_of(7, 7, 3)) == ImageShape(3, 7, 7, channels_first=False)
    for other in (bytes_of(128), Box(0, 1, (84, 84, 3), np.float32)):
        assert image_shape(other) is None
    for shape in ((84, 3, 84), (3, 3, 3), (1, 84, 3)):
        with pytest.raises(InvalidInput, match=r"images of shape .* are not understood"):
            image_shape(bytes_of(*shape))


def test_large_images_get_the_layers_of_stable_baselines3() -> None:
    library = pytest.importorskip("stable_baselines3.common.torch_layers")  # extra sb3
    theirs = library.NatureCNN(bytes_of(4, 84, 84))
    assert ImageShape(4, 84, 84, True).parameters == sum(one.numel() for one in theirs.parameters())
    small = ImageShape(3, 7, 7, False)
    assert small.sizes == ((3, 7, 7), (16, 6, 6), (32, 5, 5), (64, 4, 4))
    assert small.features == 128
    # 3 x 2 x 2 weights at 36 places, and so on
    assert small.operations == 16 * 12 * 36 + 32 * 64 * 25 + 64 * 128 * 16 + 128 * 1024


def reference(image: ImageShape, row: torch.Tensor) -> nn.Module:
    """torch's own modules with the parameters of one row."""
    layers: list[tuple[str, nn.Module]] = []
    before = image.channels
    for number, (channels, side, stride) in enumerate(image.layers):
        layers += [(f"c{number}", nn.Conv2d(before, channels, side, stride)), (f"r{number}", nn.ReLU())]
        before = channels
    count = int(np.prod(image.sizes[-1]))
    layers += [("flat", nn.Flatten()), ("linear", nn.Linear(count, image.features)), ("relu", nn.ReLU())]
    made = nn.Sequential(OrderedDict(layers))
    nn.utils.vector_to_parameters(row[: image.parameters], made.parameters())
    return made


@pytest.mark.parametrize("image", [ImageShape(3, 6, 5, False), ImageShape(2, 36, 40, True)])
@pytest.mark.parametrize("share_trunk", [False, True])
def test_the_gradient_of_policy_and_value_is_autograds(image: ImageShape, share_trunk: bool) -> None:
    shape = ImageActorCriticShape.of(ActorCriticShape(0, 3, 0, 8, 1, share_trunk, "tanh"), image)
    agents, batch = 2, 4
    start = [shape.initial(seed, "", ortho_init=True) for seed in range(agents)]
    network = shape.network(torch.from_numpy(np.stack(start)))
    generator = torch.Generator().manual_seed(0)
    pixels = int(np.prod(image.sizes[0]))
    seen = torch.randint(0, 256, (agents, batch, pixels), generator=generator, dtype=torch.uint8)
    heads, values = network.forward(network.spread(seen))
    head_slopes, value_slopes = torch.randn(heads.shape, generator=generator), torch.randn(values.shape)
    acting, valued = network.heads(seen), network.values(seen)
    torch.testing.assert_close(acting, heads.transpose(1, 2))
    torch.testing.assert_close(valued, values)
    network.backward(head_slopes, None, value_slopes)
    layout, length = shape.layout, shape.layout.length
    for row in range(agents):
        leaf = network.parameters[row, 0].clone().requires_grad_()
        module = reference(image, leaf[shape.networks * length :].detach())
        pictures = seen[row].view(batch, *image.sizes[0]) if image.channels_first else None
        if pictures is None:
            pictures = seen[row].view(batch, image.height, image.width, image.channels).permute(0, 3, 1, 2)
        features = module(pictures.float() / 255)
        outputs = []
        for number in range(shape.networks):
            flat = leaf[None, number * length : (number + 1) * length]
            (first, last), (bias, last_bias) = layout.weights(flat), layout.biases(flat)
            outputs.append(torch.tanh(features @ first[0] + bias[0]) @ last[0] + last_bias[0])
        loss = (outputs[0][:, :3].T * head_slopes[row]).sum() + (outputs[-1][:, 3] * value_slopes[row]).sum()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's
        torch.testing.assert_close(outputs[0][:, :3].T, heads[row], rtol=1e-4, atol=1e-5)
        assert leaf.grad is not None
        wanted = torch.cat([one.grad.reshape(-1) for one in module.parameters() if one.grad is not None])
        assert wanted.abs().max() > 1e-3
        found = network.gradients[row, 0]
        ends = shape.networks * length
        torch.testing.assert_close(found[ends : ends + image.parameters], wanted, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(found[:ends], leaf.grad[:ends], rtol=1e-3, atol=1e-4)


def test_many_images_pass_in_parts_with_the_same_result() -> None:
    layout = ImageLayout(ImageShape(1, 4, 4, True), Layout((128, 2)))
    flat = layout.initial(np.random.default_rng(0))
    network = layout.network(flat, "relu")
    seen = torch.randint(0, 256, (1, 600, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    parts = [network.forward(part.contiguous()) for part in torch.split(seen, 200, 1)]
    torch.testing.assert_close(network.forward(seen), torch.cat(parts, 2))


def test_a_replay_of_images_keeps_bytes_and_finds_what_steps_led_to() -> None:
    replay = ImageReplay(2, 4, 1, 2, 1, "cpu")
    assert replay.pixels.dtype == torch.uint8
    going = np.array([True, True])
    for step in range(6):
        seen = np.array([[[step, 100]], [[step, 200]]], dtype=np.uint8)
        false = np.zeros((2, 1), dtype=np.bool_)
        answer = Step(seen + np.uint8(1), np.full((2, 1), float(step)), false, false, seen)
        replay.add(step, seen, np.zeros((2, 1, 1)), answer, going)
    # Slot 0 holds step 4, slot 3 step 3.
    gammas, rows = torch.full((2, 1), 0.5), np.array([[3, 0], [0, 3]])
    one = replay.sample(rows, 6, gammas, np.array([1, 1]))
    assert one.observations.tolist() == [[[3, 100], [4, 100]], [[4, 200], [3, 200]]]
    assert one.next_observations[:, :, 0].tolist() == [[4, 5], [5, 4]]
    two = replay.sample(rows, 6, gammas, np.array([2, 2]))
    assert two.observations[:, :, 0].tolist() == [[3, 4], [4, 3]]
    assert two.next_observations[:, :, 0].tolist() == [[5, 6], [6, 5]]
    assert two.rewards.tolist() == [[3 + 0.5 * 4, 4 + 0.5 * 5], [4 + 0.5 * 5, 3 + 0.5 * 4]]
    again = replay.sample(rows[1:], 6, gammas[1:], np.array([1]), [1])
    assert again.observations.tolist() == one.observations[1:].tolist()
    assert ImageReplay.row_bytes(2, 1) == 2 * 2 + 4 * 4


def image_spaces(**kwargs: Any) -> Spaces:
    return Environment(TOY, {"pixels": True, **kwargs}).spaces()


def test_what_cannot_see_images_says_so_before_training() -> None:
    continuous = image_spaces(actions=0)
    with pytest.raises(InvalidInput, match="SAC has no convolutional layers"):
        SAC().plan(continuous, 1000)
    with pytest.raises(InvalidInput, match="normalize_observations: True is for vectors"):
        PPO(normalize_observations=True).plan(continuous, 4096)
    for vector in (MOPPO(normalize_observations=False), PCN()):
        with pytest.raises(InvalidInput, match=r"(MOPPO|PCN) has no convolutional layers"):
            vector.plan(image_spaces(rewards=2), 4096)
    flat = Environment(TOY, {"pixels": True, "actions": 0}, wrappers=[{"name": "FlattenObservation"}])
    assert SAC().plan(flat.spaces(), 1000).parameters is not None


@pytest.mark.parametrize("shape", [(84, 84), (4, 84, 84, 3)])
def test_bytes_with_two_axes_or_four_are_no_vectors_by_themselves(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match=rf"images of shape {re.escape(str(shape))} are not understood"):
        image_shape(Box(0, 255, shape, np.uint8))
    assert image_shape(Box(0, 9, shape, np.uint8)) is None, "a board, say"


def test_a_population_refuses_a_normalising_agent_wherever_it_stands() -> None:
    agents = [Agent({**PPO.defaults(), "n_steps": 64, "normalize_observations": flag}, 0) for flag in (False, True)]
    with pytest.raises(InvalidInput, match="normalize_observations"):
        PPO.population(agents, Environment(TOY, {"pixels": True}), 1000)


def test_plans_count_the_convolutional_layers() -> None:
    spaces = image_spaces(actions=3)
    image = ImageShape(3, 6, 5, False)
    perceptron = 128 * 64 + 64 + 64 * 64 + 64 + 64 * 3 + 3
    assert DQN().plan(spaces, 1000).parameters == image.parameters + perceptron
    assert PPO().plan(spaces, 4096).parameters == image.parameters + perceptron
    floats = Environment(TOY, {"pixels": True}, wrappers=[{"name": "FlattenObservation"}]).spaces()
    memory = [DQN(width=1, depth=0).plan(one, 100_000).memory_bytes for one in (spaces, floats)]
    assert memory[0] is not None
    assert memory[1] is not None
    # Kept: 2 x 90 bytes rather than floats, for 100,000 transitions; the networks weigh little against it.
    assert memory[1] - memory[0] > 0.9 * 6 * 90 * 100_000
