"What `evaluate` refuses, what it leaves behind, and what returns mean where a family has no scale for them."
import json

import gymnasium as gym
import matplotlib
import numpy as np
import pytest
import torch
from gymnasium.vector import SyncVectorEnv, VectorEnv

from compressed_ad.config import make_config
from compressed_ad.evaluation import (
    Compression, Evaluation, EvaluationError, count_returns, evaluate, evaluate_source, interval, plot_curves,
    reference_returns, summarise)
from compressed_ad.files import CompressedADError
from compressed_ad.lesson import read_record
from compressed_ad.models import InContextModel, make_model
from compressed_ad.recording import collect
from compressed_ad.sources.posterior import PosteriorSampling
from compressed_ad.spaces import action_space_of
from compressed_ad.tasks.dark_room import DarkRoomFamily
from compressed_ad.tasks.family import TaskFamily, reset_environment
from compressed_ad.tasks.gym_adapter import GymnasiumFamily

matplotlib.use("agg")
TINY = dict(
    model="AD", decoder_max_seq_length=8, tf_n_embd=16, tf_n_layer=1, tf_n_head=1, min_compression_depth=0,
    max_compression_depth=0, max_uncompressed_length=7, min_uncompressed_length=7, history_steps=40)


def untrained(family, **changes) -> InContextModel:
    return make_model(make_config(TINY | changes), family.observation_space, family.action_space)


def first_seen(family, n_streams, seed):
    "The first observation of each stream, (n_streams, ...)."
    seen = []

    def look(step, transitions, memory):
        seen.append(transitions.observations[:, 0].numpy().copy())
        return memory
    evaluate(untrained(family), family, [0], n_streams, 1, seed, progress=False, window=1, hook=look)
    return seen[0]


def test_streams_of_neighbouring_seeds_are_all_different():
    family = GymnasiumFamily("CartPole-v1", [{}])
    starts = np.concatenate([first_seen(family, 8, seed) for seed in (0, 1, 2)])
    assert len(np.unique(starts, axis=0)) == 24
    assert np.array_equal(first_seen(family, 8, 1), starts[8:16]), "the same seed gives the same streams"
    streams = np.zeros(8, int)
    reset = [reset_environment(family.vector(streams), seed) for seed in (0, 1, 2)]
    assert len(np.unique(np.concatenate(reset), axis=0)) == 24
    numbered = [family.vector(streams).reset(seed=seed)[0] for seed in (0, 1, 2)]  # as Gymnasium does it
    assert len(np.unique(np.concatenate(numbered), axis=0)) == 10, "reset_environment is no longer needed"


def test_negative_returns_are_evaluated_drawn_and_reported_raw():
    family = GymnasiumFamily("MountainCar-v0", [{"max_episode_steps": 30}, {"max_episode_steps": 20}])
    found = evaluate(untrained(family), family, [0], 2, 3, progress=False)
    assert found.oracle is None and not found.is_normalised
    assert found.returns.tolist() == [[[-30] * 3] * 2]
    assert found.curve.tolist() == [-30] * 3 and found.last() == -30
    with pytest.raises(EvaluationError, match="does not know its oracle"):
        found.normalised
    told = summarise([found])
    assert told["statistic"] == "last3" and told["last3"]["mean"] == -30 and told["is_normalised"] is False
    axes = plot_curves({"AD": told}, axes=matplotlib.figure.Figure().add_subplot())
    assert axes.get_ylabel() == "return"
    assert [line.get_label() for line in axes.get_lines()] == ["AD"], "an oracle that nobody knows is drawn"
    assert axes.get_ylim()[0] < -30
    windows = evaluate(untrained(family), family, [0], 2, 2, progress=False, window=25)
    assert windows.curve.tolist() == [-25, -25]


class Car(GymnasiumFamily):
    "Knows both ends of the scale: a random agent never arrives, the best one does within so many steps."
    def __init__(self):
        super().__init__("MountainCar-v0", [{"max_episode_steps": 40}])

    def oracle_returns(self, tasks):
        return np.full(len(tasks), -20.0)

    def random_returns(self, tasks):
        return np.full(len(tasks), -40.0)


def test_two_reference_returns_make_a_scale():
    family = Car()
    found = evaluate(untrained(family), family, [0], 1, 2, progress=False)
    assert found.is_normalised and found.normalised.tolist() == [[[0.0, 0.0]]]
    halfway = Evaluation(np.array([0]), np.array([[[-30.0]]]), np.array([-20.0]), np.array([-40.0]))
    assert halfway.scores.tolist() == [[[0.5]]]
    low, oracle = reference_returns(family, np.array([0]), window=10)
    assert low.tolist() == [-10.0] and oracle.tolist() == [-5.0]


def test_chance_is_zero_by_default():
    low, oracle = reference_returns(DarkRoomFamily(size=5, horizon=10), np.array([0, 12]))
    assert low.tolist() == [0, 0] and oracle.tolist() == [7, 10]
    found = Evaluation(np.array([0, 12]), np.array([[[7.0]], [[5.0]]]), oracle)
    assert found.normalised.tolist() == [[[1.0]], [[0.5]]]


def test_no_scale_where_the_oracle_is_not_above_chance():
    found = Evaluation(np.array([4, 7]), np.ones((2, 1, 1)), np.array([0.0, 1.0]))
    assert not found.is_normalised and found.last() == 1
    with pytest.raises(EvaluationError, match=r"tasks \[4\]"):
        found.normalised


def test_a_task_without_a_scale_is_evaluated_all_the_same():
    family = DarkRoomFamily(size=5, horizon=3)  # the corner, task 0, is four steps away
    short = evaluate(untrained(family), family, [0, 12], 1, 1, progress=False)
    assert not short.is_normalised and short.scores is short.returns
    with pytest.raises(EvaluationError, match=r"tasks \[0\]"):
        short.normalised


@pytest.mark.parametrize("oracle, low", [
    (None, None), (np.array([2.0]), None), (np.array([2.0]), np.array([-1.0]))])
def test_what_is_saved_is_read_again(tmp_path, oracle, low):
    found = Evaluation(np.array([3]), np.array([[[1.0, 2.0]]]), oracle, low, n_steps=8, seconds=0.5)
    found.save(tmp_path / "found.json")
    again = Evaluation.load(tmp_path / "found.json")
    for name in ("tasks", "returns", "low", "scores", "curve"):
        assert np.array_equal(getattr(again, name), getattr(found, name)), name
    assert (again.oracle is None) == (oracle is None) and again.n_steps == 8 and again.seconds == 0.5


def test_the_log_of_compressions_is_saved_and_can_be_read(tmp_path):
    log = [Compression(11, 15, 4, 1), Compression(step=61, tokens_before=60, tokens_after=24, number=2)]
    assert str(log[1]) == "step 61: 60 -> 24 tokens, compression 2"
    Evaluation(np.array([3]), np.ones((1, 1, 2)), None, compressions=log).save(tmp_path / "found.json")
    assert Evaluation.load(tmp_path / "found.json").compressions == log


def test_files_of_old_are_read(tmp_path):
    old = {"tasks": [1], "returns": [[[1.0, 2.0]]], "oracle": [4.0], "n_steps": 20, "seconds": 1.5,
           "compressions": [{"step": 11, "tokens_before": 15, "tokens_after": 4, "number": 1}]}
    (tmp_path / "old.json").write_text(json.dumps(old), encoding="utf-8")
    found = Evaluation.load(tmp_path / "old.json")
    assert found.normalised.tolist() == [[[0.25, 0.5]]] and found.compressions[0].tokens_after == 4
    for contents in ("{}", "[]", '{"compressions": [], "tasks": [0], "what": 1}', "{"):
        (tmp_path / "other.json").write_text(contents, encoding="utf-8")
        with pytest.raises(CompressedADError, match="other.json"):
            Evaluation.load(tmp_path / "other.json")


@pytest.mark.parametrize("n_episodes, n_last, every, name, n_points", [
    (3, 10, 1, "last3", 3), (20, 50, 10, "last20", 2), (5, 50, 10, "last5", 1), (25, 10, 10, "last10", 2)])
def test_statistics_are_named_for_what_they_are(n_episodes, n_last, every, name, n_points):
    returns = np.random.default_rng(0).random((2, 4, n_episodes))
    told = summarise([Evaluation(np.arange(2), returns, np.ones(2))], n_last, every)
    assert told["statistic"] == name and [key for key in told if key.startswith("last")] == [name]
    assert np.isclose(told[name]["mean"], returns[..., -min(n_last, n_episodes):].mean())
    points = returns[..., :n_points * min(every, n_episodes)].reshape(8, n_points, -1).mean((0, 2))
    assert np.allclose(told["curve"], points, atol=1e-4)
    assert told[name]["low"] <= told[name]["mean"] <= told[name]["high"]
    json.dumps(told, allow_nan=False)  # JSON never holds NaN


def test_intervals_of_independent_values_are_those_of_the_textbook():
    random = np.random.default_rng(1)
    noise = random.normal(size=(1, 400))
    low, high = interval(noise)
    textbook = 1.96 * noise.std() / 20  # half the width of the interval for 400 independent values
    assert abs((high - low) / 2 / textbook - 1) < 0.1
    assert np.ptp(interval(np.full((3, 8), 0.7))) < 1e-12, "no variation, no uncertainty"
    assert interval(random.normal(size=(3, 8, 5))).shape == (2, 5)


def test_intervals_leave_out_what_was_not_measured():
    random = np.random.default_rng(1)
    holes = np.where(random.random((3, 400)) < 0.5, np.nan, random.normal(size=(3, 400)))
    low, high = interval(holes)
    assert low < np.nanmean(holes) < high
    assert 0.7 < (high - low) / (2 * 1.96 / np.sqrt(np.isfinite(holes).sum())) < 2
    nothing = np.stack([holes, np.full((3, 400), np.nan)], -1)
    with pytest.warns(RuntimeWarning, match="NaN"):
        assert np.isnan(interval(nothing)[:, 1]).all()


def test_old_records_are_drawn():
    record = read_record("foundation")
    axes = plot_curves(record["models"], record["source_curve"], matplotlib.figure.Figure().add_subplot())
    labels = [line.get_label() for line in axes.get_lines()]
    assert labels == [*record["models"], "source algorithm", "oracle"]
    assert axes.get_ylabel() == "normalised return"
    raw = summarise([Evaluation(np.array([0]), np.ones((1, 1, 3)), None)])
    with pytest.raises(EvaluationError, match="summaries"):
        plot_curves(record["models"] | {"raw": raw})


def test_a_return_that_is_no_number_is_refused():
    rewards, ends = np.ones((1, 6)), np.array([[False, False, True, False, False, False]])
    assert count_returns(rewards, ends, 1).tolist() == [[3.0]]
    with pytest.raises(EvaluationError, match="episode 2 is no number"):
        count_returns(rewards, ends, 2)
    rewards[0, 1] = np.nan
    with pytest.raises(EvaluationError, match="episode 1 is no number"):
        count_returns(rewards, ends, 1)


class Untouchable(DarkRoomFamily):
    "Rooms that nobody may enter: what is refused, is refused before."
    def check(self):
        "A family that is fine: to find that out, one would have to enter."

    def vector(self, tasks) -> VectorEnv:
        raise AssertionError("the environment was made")


@pytest.mark.parametrize("changes, named", [
    (dict(tasks=[0, 25]), r"tasks \[25\]: must be from 0 to 24"), (dict(tasks=[-1]), r"tasks \[-1\]"),
    (dict(tasks=[]), "one at least"), (dict(tasks=[0.5]), r"tasks = \[0.5\]"),
    (dict(n_streams=0), "n_streams = 0"), (dict(n_episodes=0), "n_episodes = 0"),
    (dict(n_episodes=1.5), "n_episodes = 1.5"), (dict(window=-1), "window = -1")])
def test_refuses_questions_that_make_no_sense(changes, named):
    family = Untouchable(size=5, horizon=10)
    question = dict(tasks=[0], n_streams=1, n_episodes=1) | changes
    with pytest.raises(EvaluationError, match=named):
        evaluate(untrained(family), family, progress=False, **question)
    with pytest.raises(EvaluationError, match=named):
        evaluate_source(PosteriorSampling(), family, **question)


def test_refuses_a_model_that_was_made_for_other_spaces():
    family = Untouchable(size=5, horizon=10)
    with pytest.raises(EvaluationError, match=r"observation_space = .*5 5.* in DarkRoom.*9 9"):
        evaluate(untrained(DarkRoomFamily(size=9)), family, [0], 1, 1, progress=False)
    other = untrained(family)
    other.action_space = gym.spaces.Discrete(4)
    with pytest.raises(EvaluationError, match="action_space"):
        evaluate(other, family, [0], 1, 1, progress=False)


def test_a_family_that_cannot_be_used_is_refused_before_anything_runs():
    class Refusing(Untouchable):
        def check(self):
            raise CompressedADError("charge_resets = False: its environments reset in a step of their own")
    family = Refusing(size=5, horizon=10)
    with pytest.raises(CompressedADError, match="charge_resets"):
        evaluate(untrained(family), family, [0], 1, 1, progress=False)
    with pytest.raises(CompressedADError, match="charge_resets"):
        evaluate_source(PosteriorSampling(), family, [0], 1, 1)


class Switch(gym.Env):
    "Pays for the last of three actions that begin at 4, and refuses what is not one of them."
    observation_space, action_space = gym.spaces.Discrete(2), gym.spaces.Discrete(3, start=4)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.elapsed = 0
        return 0, {}

    def step(self, action):
        assert self.action_space.contains(int(action)), action
        self.elapsed += 1
        return 1, float(action == 6), False, self.elapsed == 5, {}


class SwitchFamily(TaskFamily):
    name, n_tasks, horizon = "Switch", 1, 5
    observation_space, action_space = Switch.observation_space, Switch.action_space

    def make(self, task, render_mode=None):
        return Switch()


class Constant(InContextModel):
    "Always answers with the same logits."
    def __init__(self, family, logits):
        torch.nn.Module.__init__(self)
        inner = untrained(DarkRoomFamily(size=5, horizon=10))
        self.inner, self.logits = inner, torch.tensor(logits)
        self.observation_space, self.action_space = family.observation_space, family.action_space
        self.actions = action_space_of(family.action_space)

    def start(self, batch):
        return self.inner.start(batch)

    def observe(self, memory, transitions):
        return memory

    def predict(self, memory, observations):
        return self.logits.expand(len(observations), -1), memory


def test_actions_begin_where_their_space_does():
    family = SwitchFamily()
    best = evaluate(Constant(family, [0.0, 0.0, 9.0]), family, [0], 2, 2, greedy=True, progress=False)
    assert best.returns.tolist() == [[[5.0, 5.0]] * 2]
    drawn = evaluate(Constant(family, [0.0, 0.0, 0.0]), family, [0], 40, 2, progress=False)
    assert 5 / 3 - 0.5 < drawn.returns.mean() < 5 / 3 + 0.5


class Oracle(Constant):
    "Plays the best action for `tasks` (n,), whatever it remembers."
    def __init__(self, family, tasks):
        super().__init__(family, [0.0])
        self.family, self.tasks = family, np.asarray(tasks)

    def predict(self, memory, observations):
        probabilities = self.family.oracle_policy(observations.numpy(), self.tasks)
        return torch.tensor(probabilities).clamp(1e-30).log(), memory


def test_windows_count_episodes_that_end_at_the_goal():
    family = DarkRoomFamily(size=5, horizon=10, ends_at_goal=True)
    tasks = np.array([0, 3, 12])  # goals four steps away, three, and in the centre, where staying pays
    model = Oracle(family, tasks.repeat(2))
    found = evaluate(model, family, tasks, n_streams=2, n_episodes=3, window=24, progress=False)
    assert found.returns[:, 0].tolist() == [[6] * 3, [8] * 3, [24] * 3] and (found.normalised == 1).all()
    assert found.n_steps == 72
    source = evaluate_source(PosteriorSampling(), family, tasks, n_streams=200, n_episodes=10, window=24)
    assert source.curve[0] < 0.8 and 0.95 < source.last(3) < 1.02, "at last it is as good as the oracle"


def test_an_agent_that_is_sure_of_another_goal_gets_nothing():
    family = DarkRoomFamily(size=5, horizon=10)
    held_out = family.split(n_held_out=4).held_out
    found = evaluate(Oracle(family, np.zeros(64, int)), family, held_out, 16, 5, progress=False)
    assert found.last(5) < 0.1


def test_the_source_is_counted_as_its_histories_are():
    family = DarkRoomFamily(size=5, horizon=10)
    found = evaluate_source(PosteriorSampling(), family, [4, 11], n_streams=20, n_episodes=6, seed=1)
    recorded = collect(family, PosteriorSampling(), np.array([4, 11]), 20, 60, seed=1, progress=False).rewards
    assert np.allclose(found.returns.reshape(40, 6), recorded.reshape(40, 6, 10).sum(-1))


def test_greedy_streams_of_one_task_are_alike():
    family = DarkRoomFamily(size=5, horizon=10)
    found = evaluate(untrained(family), family, [4, 11], 2, 3, greedy=True, progress=False)
    assert np.array_equal(found.returns[:, 0], found.returns[:, 1])


def test_a_hook_sees_every_step_and_gives_the_memory_to_go_on_with():
    family = DarkRoomFamily(size=5, horizon=10)
    model = untrained(family)
    told = []

    def hook(step, transitions, memory):
        assert transitions.actions.shape == (6, 1) and not torch.is_grad_enabled()
        assert memory.n_transitions == (step if step <= 20 else step - 20)
        told.append(step)
        return model.start(6) if step == 20 else memory
    evaluate(model, family, [4, 11], 3, 4, progress=False, hook=hook)
    assert told == list(range(1, 41))


@pytest.mark.parametrize("fails", [False, True])
def test_environment_is_closed_and_the_models_mode_restored(fails):
    closed = []

    class Closing(GymnasiumFamily):
        def vector(self, tasks):
            environment = super().vector(tasks)
            assert isinstance(environment, SyncVectorEnv)
            close = environment.close
            environment.close = lambda **named: (closed.append(True), close(**named))
            return environment
    family = Closing("CartPole-v1", [{}])
    model = untrained(family).train()
    model.decoder.eval()  # one part that was at rest before

    def hook(step, transitions, memory):
        assert not any(module.training for module in model.modules())
        if fails:
            raise KeyboardInterrupt
        return memory
    try:
        evaluate(model, family, [0], 1, 1, progress=False, window=3, hook=hook)
    except KeyboardInterrupt:
        assert fails
    assert closed and model.training and model.query_embedding.training and not model.decoder.training
