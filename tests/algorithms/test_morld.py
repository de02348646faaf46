"""MORL/D: targets and gradients by hand, draws, exchanges, policies shown, what it refuses, that it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from autorl.agents.optimiser import Adam
from autorl.agents.preferences import in_scaled_rewards
from autorl.agents.replay import Transitions
from autorl.algorithms.morld import MORLD, MORLDPopulation
from autorl.environment import Environment
from autorl.errors import InvalidInput
from autorl.pareto import hypervolume
from autorl.records import Agent
from autorl.simplex import simplex_weights

DIVING = Environment("deep-sea-treasure-v0")
SMALL = {**MORLD.defaults(), "width": 8, "pop_size": 3, "n_envs": 2, "batch_size": 4, "learning_starts": 0}
EVERYBODY = np.ones(2, dtype=np.bool_)


class Recorder(Adam):
    """Notes gradients instead of stepping."""

    def step(self, gradients: Tensor, *_: Any) -> Tensor:
        self.seen = gradients.clone()
        return torch.zeros(len(gradients), 1)


def population(*values: dict[str, Any], environment: Environment = DIVING, horizon: int = 1000) -> MORLDPopulation:
    agents = [Agent({**SMALL, **own}, seed) for seed, own in enumerate(values)]
    return MORLD.population(agents, environment, horizon)


UP, DOWN = (4.0, -8.0), (3.0, -2.0)
"""Values of both rewards in the next state, by the online network."""
TARGET_UP, TARGET_DOWN = (10.0, 20.0), (30.0, 40.0)
"""The same by the target network."""


@pytest.mark.parametrize(
    ("scalarization", "best", "chosen"),
    [
        # Vectors (0, 1), (1/2, 1/2), (1, 0): of sums -8 and -2, -2 and 1/2, 4 and 3.
        ("linear", (0.0, 0.0), [TARGET_DOWN, TARGET_DOWN, TARGET_UP]),
        # From (20, -6): of the second vector, max(16, 2) / 2 and max(17, -4) / 2. Going up is nearer.
        ("chebyshev", (20.0, -6.0), [TARGET_DOWN, TARGET_UP, TARGET_UP]),
    ],
)
def test_targets_and_gradients_are_those_worked_out_by_hand(
    scalarization: str, best: tuple[float, float], chosen: list[tuple[float, float]]
) -> None:
    # A linear network with weights of 0: its biases are the values, everywhere.
    values = {"scalarization": scalarization, "utopian_tau": 0.0, "depth": 0, "batch_size": 1}
    made = population({**values, "reward_scale": "2 1"}, values)
    made.earnings.best[:] = best
    layout = made.static.layout(made.spaces)
    for flat, up, down in ((made.weights, UP, DOWN), (made.target_weights, TARGET_UP, TARGET_DOWN)):
        flat.zero_()
        biases = layout.biases(flat.view(6, -1))[0].view(2, 3, 2, 4)
        biases[...] = -99.0  # the other two of four actions
        biases[..., 0], biases[..., 1] = torch.tensor(up), torch.tensor(down)
        biases[0, :, 0] *= 2  # the first agent's first reward is valued in halves
    made.optimiser = recorder = Recorder(made.weights.view(6, -1), np.full(6, 1e-8))
    batch = Transitions(
        observations=torch.zeros(2, 3, 2), actions=torch.ones(2, 3, 1), rewards=torch.tensor([[[0.5, -1.0]] * 3] * 2),
        next_observations=torch.zeros(2, 3, 2), discounts=torch.full((2, 3), 0.9),
    )  # fmt: skip
    finite = made.learn(batch, np.zeros((2, 3), np.int64), 0, EVERYBODY, {})
    assert finite.all()
    found = layout.biases(recorder.seen)[0].view(2, 3, 2, 4)
    for agent, scale in enumerate((2.0, 1.0)):
        for policy, following in enumerate(chosen):
            for reward, factor in enumerate((scale, 1.0)):
                # Of the squared error's mean over two rewards, the gradient is Q - y: here of action 1, down.
                wanted = factor * ((0.5, -1.0)[reward] + 0.9 * following[reward])
                error = factor * DOWN[reward] - wanted
                assert found[agent, policy, reward].tolist() == pytest.approx([0, error, 0, 0], rel=1e-6)


def test_a_gradient_is_clipped_and_stepped_policy_by_policy() -> None:
    made = population({"max_grad_norm": 0.5}, {})
    made.slopes.zero_()
    made.slopes[0, 0], made.slopes[1, 0], made.slopes[3, 0] = 3.0, 0.25, 3.0
    norms = made.columns.max_grad_norm.repeat_interleave(3, 0)
    made.optimiser.step(made.slopes, made.per_policy("learning_rate"), norms, np.repeat([True, True], 3))
    torch.testing.assert_close(made.slopes[[0, 1, 3], 0], torch.tensor([0.5, 0.25, 1.0]))


def test_rows_are_drawn_from_the_policys_own_environments_or_from_all() -> None:
    made = population({"shared_buffer": False}, {"shared_buffer": True})
    units = np.tile(np.linspace(0, 0.999, 4), (2, 3))
    rows = made.draw(units, 2)  # two slots of six environments
    assert rows[0].tolist() == [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]
    assert rows[1].tolist() == [0, 3, 7, 11] * 3


def test_policies_explore_with_their_own_networks() -> None:
    made = population({"depth": 0, "initial_epsilon": 0.0, "final_epsilon": 0.0})
    made.weights.zero_()
    biases = made.static.layout(made.spaces).biases(made.weights.view(6, -1))[0].view(2, 3, 2, 4)
    for policy, action in enumerate((3, 1, 2)):
        biases[:, policy, :, action] = 1.0
    made.restart(0)
    made.advance(6)
    assert made.replay.data[0, 0, :, 4].tolist() == [3, 3, 1, 1, 2, 2]


def test_networks_are_handed_over_and_optimisers_begin_anew() -> None:
    made = population({}, {})
    made.restart(0)
    made.advance(60)
    weights, targets = (flat.clone().view(2, 3, -1) for flat in (made.weights, made.target_weights))
    moments = made.optimiser.mean.clone().view(2, 3, -1)
    assert (made.optimiser.steps == 20).all(), "two of each of ten vector steps"
    made.hand_over(1, np.array([1, 2, 2]))
    assert torch.equal(made.weights.view(2, 3, -1)[1], weights[1, [1, 2, 2]]), "as they were before"
    assert torch.equal(made.target_weights.view(2, 3, -1)[1], targets[1, [1, 2, 2]])
    assert torch.equal(made.weights.view(2, 3, -1)[0], weights[0])
    kept = moments.clone()
    kept[1, :2] = 0
    assert torch.equal(made.optimiser.mean.view(2, 3, -1), kept)
    assert (made.optimiser.steps.view(2, 3) == 0).tolist() == [[False] * 3, [True, True, False]]


def judged(made: MORLDPopulation, returns: list[list[float]]) -> None:
    """Has every policy end one episode with a return, and exchanges."""
    rewards = np.tile(np.array(returns), (2, 1, 1))
    made.earnings.add(np.repeat(rewards, 2, axis=1), np.ones((2, 6), np.bool_), np.ones(2), EVERYBODY)
    made.stepped(0, EVERYBODY)


def test_an_exchange_adapts_vectors_by_what_policies_earned() -> None:
    made = population(
        {"weight_adaptation": "psa", "exchange_every": 6, "psa_delta": 1.0},
        {"weight_adaptation": "psa", "exchange_every": 12},
    )
    assert made.vectors[0].tolist() == [[0, 1], [0.5, 0.5], [1, 0]]
    judged(made, [[0, 5], [4, 4], [9, 0]])
    # The middle one's nearest is the first: better in the first reward, 1/2 * 2, and worse in the second, 1/2 / 2.
    np.testing.assert_allclose(made.vectors[0], np.array([[0, 1], [0.8, 0.2], [1, 0]]))
    assert made.vectors[1].tolist() == [[0, 1], [0.5, 0.5], [1, 0]], "not due yet"


def test_nearness_is_measured_in_the_unit_of_learned_rewards() -> None:
    values = {"weight_adaptation": "psa", "exchange_every": 6, "psa_delta": 1.0}
    made = population(values, {**values, "reward_scale": "0.1 1"})
    judged(made, [[0, 5], [4, 3], [10, 0]])
    # Distances squared 16 + 4 and 36 + 9, or 0.16 + 4 and 0.36 + 9: the same. Farther in the second reward:
    np.testing.assert_allclose(made.vectors[0], made.vectors[1])
    for one in (made.earnings.means, made.earnings.known):
        one[:] = 0
    made.vectors[:] = simplex_weights(3, 2)
    judged(made, [[0, 5], [4, 2], [10, 0]])  # 16 + 9 and 36 + 4; 0.16 + 9 and 0.36 + 4
    np.testing.assert_allclose(made.vectors[:, 1], [[0.8, 0.2], [0.2, 0.8]])


@pytest.mark.parametrize(
    ("values", "sources"),
    [
        ({"neighborhood_size": 1}, [0, 0, 1]),
        ({"neighborhood_size": 2}, [0, 0, 0]),
        ({"neighborhood_size": 0}, [0, 1, 2]),
        ({"transfer": False}, [0, 1, 2]),
    ],
)
def test_an_exchange_hands_over_what_neighbours_earned_more_with(values: dict[str, Any], sources: list[int]) -> None:
    made = population({"transfer": True, "exchange_every": 6, **values}, {"exchange_every": 12})
    before = made.weights.clone().view(2, 3, -1)
    judged(made, [[9, 9], [4, 4], [1, 4]])
    assert torch.equal(made.weights.view(2, 3, -1)[0], before[0, sources])
    assert torch.equal(made.weights.view(2, 3, -1)[1], before[1])


def test_an_episode_moves_policies_at_one_exchange_only() -> None:
    made = population({"weight_adaptation": "psa", "exchange_every": 6, "psa_delta": 1.0, "neighborhood_size": 1}, {})
    judged(made, [[0, 5], [4, 4], [9, 0]])
    vectors, weights = made.vectors.copy(), made.weights.clone()
    made.stepped(0, EVERYBODY)
    assert made.vectors.tolist() == vectors.tolist()
    assert torch.equal(made.weights, weights)


def test_who_got_another_network_is_judged_anew() -> None:
    made = population({"transfer": True, "neighborhood_size": 2, "exchange_every": 6}, {"exchange_every": 12})
    judged(made, [[9, 9], [4, 4], [1, 4]])
    assert made.earnings.known[0].tolist() == [True, False, False]


def test_another_discount_forgets_what_was_earned() -> None:
    made = population({"exchange_every": 6}, {"exchange_every": 6})
    judged(made, [[0, 5], [4, 4], [9, 0]])
    for row, gamma in enumerate((0.9, made.agents[1].configuration["gamma"])):
        made.replace(row, {**made.agents[row].configuration, "gamma": gamma}, "other")
    assert made.earnings.known.tolist() == [[False] * 3, [True] * 3]
    assert np.isinf(made.earnings.best).all(1).tolist() == [True, False]


def test_policies_are_shown_over_again_or_by_the_nearest_vector() -> None:
    made = population({}, {})
    assert made.shown().tolist() == [[1], [1]], "equal weights"
    made.reward_weights = simplex_weights(5, 2)
    assert made.shown().tolist() == [[0, 1, 2, 0, 1]] * 2
    made.vectors[1, 1] = (0.05, 0.95)
    made.reward_weights = np.array([[0.1, 0.9], [0.8, 0.2]])
    assert made.shown().tolist() == [[0, 2], [1, 2]]
    observations = np.random.default_rng(0).integers(0, 11, (1, 2, 9, 2)).repeat(2, axis=0)
    found = made.act(observations)
    for row, policies in enumerate(made.shown()):
        network = made.static.layout(made.spaces).network(made.weights.view(2, 3, -1)[row], "relu")
        for place, policy in enumerate(policies):
            seen = torch.from_numpy(observations[row, place]).float().expand(3, -1, -1)
            values = network.forward(seen)[policy].view(2, 4, 9).numpy()
            weighed = np.einsum("r,rab->ab", made.vectors[row, policy], values)
            np.testing.assert_array_equal(found[row, place], weighed.argmax(0))


@pytest.mark.parametrize("scalarization", ["linear", "chebyshev"])
def test_a_weight_means_the_rewards_as_the_environment_gives_them(scalarization: str) -> None:
    values = {"depth": 0, "scalarization": scalarization}
    made = population({**values, "reward_scale": "2 0.25"}, values)
    layout = made.static.layout(made.spaces)
    made.weights[0] = made.weights[1]
    for views in (layout.weights(made.weights.view(6, -1)), layout.biases(made.weights.view(6, -1))):
        scaled = views[0].view(2, 3, -1, 2, 4)
        scaled[0, ..., 0, :] *= 2
        scaled[0, ..., 1, :] *= 0.25
    made.earnings.best[:] = (1.0, 2.0)
    assert made.utopia().tolist() == [[3.0, 0.625], [1.5, 2.5]]
    made.reward_weights = simplex_weights(3, 2)
    observations = np.random.default_rng(0).integers(0, 11, (1, 3, 40, 2)).repeat(2, axis=0)
    first, second = made.act(observations)
    assert len(np.unique(first)) > 1
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(in_scaled_rewards(made.vectors, made.scales)[0], made.vectors[0])


def test_a_restart_forgets_episodes_under_way() -> None:
    made = population({"n_envs": 1}, {"n_envs": 1})
    made.restart(0)
    made.advance(3)
    assert made.earnings.states()["earned"].any()
    made.restart(3)
    assert not made.earnings.states()["earned"].any()


def test_target_networks_follow_at_every_step_or_are_copied_at_their_own_times() -> None:
    made = population({"tau": 0.25}, {"tau": 1.0, "target_net_update_freq": 18})
    made.restart(0)
    made.advance(12)
    first = made.target_weights.clone(), made.weights.clone()
    made.advance(18)  # targets move before the step's update
    torch.testing.assert_close(made.target_weights[0], 0.75 * first[0][0] + 0.25 * first[1][0])
    assert torch.equal(made.target_weights[1], first[1][1])
    assert not torch.equal(first[0][1], first[1][1])
    before = made.target_weights[1].clone()
    made.advance(30)
    assert torch.equal(made.target_weights[1], before)


def test_epsilon_moves_linearly_once_learning_starts() -> None:
    made = population(
        {"learning_starts": 100, "final_epsilon": 0.2, "epsilon_decay_steps": 400}, {"initial_epsilon": 0.5}
    )
    found = [made.epsilons(step).tolist() for step in (0, 100, 300, 500, 900)]
    # The second one's moves over half the horizon's 1,000.
    expected = [[1.0, 0.5], [1.0, 0.42], [0.6, 0.26], [0.2, 0.1], [0.2, 0.1]]
    np.testing.assert_allclose(np.array(found), np.array(expected))


def test_updates_are_counted_as_planned() -> None:
    made = population({"learning_starts": 10, "gradient_updates": 3}, {"train_freq": 4, "gradient_updates": 1})
    made.restart(0)
    made.advance(60)
    # After vector steps 2 to 10, three each; after 4 and 8.
    assert [costs.gradient_updates for costs in made.costs()] == [27, 2]
    configurations = [MORLD.configure(agent.configuration) for agent in made.agents]
    plans = [one.plan(made.spaces, 60) for one in configurations]
    assert [plan.gradient_updates for plan in plans] == [27, 2]
    assert plans[0].parameters == 3 * ((2 + 1) * 8 + (8 + 1) * 8 + (8 + 1) * 8)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pop_size": 1}, "pop_size: 1 must be at least 2"),
        ({"neighborhood_size": 10}, "neighborhood_size: 10 must be at least 0 and at most 9"),
        ({"scalarization": "ws"}, "scalarization: 'ws' is none of linear, chebyshev"),
        ({"weight_adaptation": "awa"}, "weight_adaptation: 'awa' is none of none, psa"),
        ({"psa_delta": 0.0}, "psa_delta: 0.0 must be above 0"),
        ({"utopian_tau": -1.0}, "utopian_tau: -1.0 must be at least 0"),
        ({"exchange_every": 0}, "exchange_every: 0 must be at least 1"),
        ({"shared_buffer": 1}, "shared_buffer: 1 is neither"),
        ({"final_epsilon": 1.5}, "final_epsilon: 1.5 must be"),
        ({"epsilon_decay_steps": 0}, "epsilon_decay_steps: 0 must be at least 1"),
        ({"reward_scale": "a"}, "reward_scale: 'a' is no text"),
        ({"depth": 5}, "depth: 5 must be at least 0 and at most 4"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        MORLD(**values)


@pytest.mark.parametrize(
    ("environment", "values", "message"),
    [
        ("CartPole-v1", {}, "MORLD trades several rewards off"),
        ("mo-mountaincarcontinuous-v0", {}, "MORLD acts in Discrete spaces, not in Box"),
        ("minecart-v0", {"reward_scale": "1 0.2"}, "'1 0.2' has 2 numbers, and the environment 3 rewards"),
        ("minecart-v0", {"pop_size": 2, "neighborhood_size": 1}, "pop_size: 2 must be at least 3, the number of"),
    ],
)
def test_what_it_cannot_learn_in_is_refused_before_training(
    environment: str, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        MORLD(**values).plan(Environment(environment).spaces(), 1000)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("scalarization", ["linear", "chebyshev"])
def test_it_learns_a_convex_front(scalarization: str) -> None:
    values = {**MORLD.defaults(), "scalarization": scalarization, "weight_adaptation": "psa"}
    made = MORLD.population([Agent(values, seed) for seed in range(2)], DIVING, 8000)
    made.restart(0)
    made.reward_weights = simplex_weights(10, 2)
    shares = []
    for mark in (0, 8000):
        made.advance(mark)
        returns, _ = made.evaluate(DIVING, 1, 0.99)
        shares.append(np.mean([hypervolume(-own.mean(1), [0, 50]) / 854.8504 for own in returns]))
    assert shares[0] < 0.3
    assert shares[1] > 0.6
