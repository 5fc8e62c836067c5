"What sources and families must survive or refuse: reused buffers, spaces that begin anywhere, step limits."
import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorWrapper

from compressed_ad.config import make_config
from compressed_ad.files import CompressedADError
from compressed_ad.recording import Recording, collect, collect_for
from compressed_ad.registry import PartError
from compressed_ad.sources.posterior import AnnealedOracle, PosteriorSampling, SystematicSearch
from compressed_ad.sources.ppo import PPO, RecordingVecEnv
from compressed_ad.sources.source import (
    SourceAlgorithm, SourceError, empty_arrays, make_source, sample_actions)
from compressed_ad.sources.tabular import ActorCritic, QLearning
from compressed_ad.storage import load_histories, save_histories
from compressed_ad.tasks.dark_room import DarkRoomFamily
from compressed_ad.tasks.family import FamilyError, TaskFamily, step_and_reset
from compressed_ad.tasks.gym_adapter import GymnasiumFamily
from compressed_ad.tasks.key_to_door import KeyToDoorFamily

SMALL_PPO = dict(n_steps=10, batch_size=20, n_epochs=1, width=8)
SOURCES = {"QLearning": QLearning(), "ActorCritic": ActorCritic(rollout=5), "PPO": PPO(**SMALL_PPO),
           "PosteriorSampling": PosteriorSampling(), "AnnealedOracle": AnnealedOracle()}


class Line(gym.Env):
    "Seven cells. The agent starts in the middle, and goes left, stays or goes right. One end pays and ends."

    def __init__(self, goal: int, first_cell: int = 0, first_action: int = 0, reuses: bool = False):
        self.goal, self.first_cell, self.first_action, self.reuses = goal, first_cell, first_action, reuses
        self.observation_space = spaces.Discrete(7, start=first_cell)
        self.action_space = spaces.Discrete(3, start=first_action)
        self.buffer = np.zeros((), int)

    def seen(self):
        self.buffer[...] = self.cell + self.first_cell
        return self.buffer if self.reuses else int(self.buffer)

    def reset(self, *, seed=None, options=None):
        self.cell, self.elapsed = 3, 0
        return self.seen(), {}

    def step(self, action):
        assert self.action_space.contains(np.int64(action)), action
        self.cell = int(np.clip(self.cell + action - self.first_action - 1, 0, 6))
        self.elapsed += 1
        found = self.cell == self.goal
        return self.seen(), float(found), found, self.elapsed >= 5, {}  # at its step limit it may be both


class LineFamily(TaskFamily):
    "The goal is at the left or at the right end."
    name = "Line"
    n_tasks = 2
    horizon = 5

    def __init__(self, first_cell=0, first_action=0, reuses=False):
        self.arguments = (first_cell, first_action, reuses)
        self.observation_space = spaces.Discrete(7, start=first_cell)
        self.action_space = spaces.Discrete(3, start=first_action)

    def make(self, task, render_mode=None):
        return Line(6 * task, *self.arguments)

    def policy(self, observations, values):
        return np.eye(3)[2 * values[:, 0]]

    def eliminate(self, possible, observations, actions, rewards, next_observations):
        cells = next_observations - self.arguments[0]
        for task, end in enumerate((0, 6)):
            possible[0][(cells == end) & (rewards == 0), task] = False
            possible[0][(cells == 6 - end) & (rewards > 0), task] = False


class OneBuffer(VectorWrapper):
    "Writes everything that a step returns into the same arrays for ever."
    buffers = None

    def reset(self, **named):
        observations, info = self.env.reset(**named)
        self.buffers = None
        self.observations = observations.copy()
        return self.observations, info

    def step(self, actions):
        observations, *results, info = self.env.step(actions)
        self.observations[:] = observations
        if self.buffers is None:
            self.buffers = [values.copy() for values in results]
        for buffer, values in zip(self.buffers, results):
            buffer[:] = values
        return self.observations, *self.buffers, info


class BufferedRooms(DarkRoomFamily):
    def vector(self, tasks):
        return OneBuffer(super().vector(tasks))


class UncopiedRooms(DarkRoomFamily):
    def vector(self, tasks):
        return SyncVectorEnv([lambda task=task: self.make(task) for task in tasks], copy=False,
                             autoreset_mode=AutoresetMode.SAME_STEP)


def life(family, source, **named):
    return collect(family, source, np.array([0, 1]), 4, 40, seed=3, progress=False, **named)


def assert_same(one, other, **shifts):
    for name in one.array_names:
        assert (getattr(one, name) + shifts.get(name, 0) == getattr(other, name)).all(), name


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("rooms", [BufferedRooms, UncopiedRooms])
def test_reused_observation_buffer_gives_identical_histories(name, rooms):
    expected = life(DarkRoomFamily(3, 4, ends_at_goal=True), SOURCES[name])
    recorded = life(rooms(3, 4, ends_at_goal=True), SOURCES[name])
    assert (expected.observations != expected.next_observations).any()
    assert_same(expected, recorded)


def test_single_environment_that_reuses_its_buffer():
    "Its reset must not overwrite the observation that ended the episode."
    expected = life(LineFamily(), QLearning())
    assert_same(expected, life(LineFamily(reuses=True), QLearning()))
    assert (expected.next_observations[expected.rewards > 0] % 6 == 0).all() and (expected.rewards > 0).any()


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("action_noise", [0.0, 0.3])
def test_observations_and_actions_that_do_not_begin_at_0(name, action_noise, tmp_path):
    "Histories are those of the same family counted from 0, shifted."
    entropies = True
    expected = life(LineFamily(), SOURCES[name], action_noise=action_noise, entropies=entropies)
    shifted = life(LineFamily(first_cell=-3, first_action=1), SOURCES[name], action_noise=action_noise,
                   entropies=entropies)
    assert_same(expected, shifted, observations=np.int64(-3), next_observations=np.int64(-3), actions=1,
                intended_actions=1)
    assert shifted.observations.dtype.kind == "i" and shifted.observations.min() < 0
    assert set(np.unique(shifted.actions)) <= {1, 2, 3} and shifted.actions.max() == 3
    save_histories(shifted, tmp_path / "shifted.h5")
    assert (load_histories(tmp_path / "shifted.h5").observations == shifted.observations).all()


def test_environment_that_leaves_its_space_is_not_recorded():
    class Lies(LineFamily):
        def make(self, task, render_mode=None):
            return Line(6 * task, -1, 0)

    with pytest.raises(CompressedADError, match=r"observations of row .*: must lie in Discrete\(7\)"):
        life(Lies(), QLearning())


class Corridor(gym.Env):
    "Three steps, whatever is done; the last one pays 1 and terminates, and is the step limit as well."
    observation_space = spaces.Discrete(4)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        self.cell = 0
        return self.cell, {}

    def step(self, action):
        self.cell += 1
        arrived = self.cell == 3
        return self.cell, float(arrived), arrived, arrived, {}


class CorridorFamily(TaskFamily):
    name = "Corridor"
    observation_space = Corridor.observation_space
    action_space = Corridor.action_space
    n_tasks = 2
    horizon = 3

    def make(self, task, render_mode=None):
        return Corridor()


def test_ppo_does_not_bootstrap_over_a_terminal_step():
    family, tasks = CorridorFamily(), np.zeros(8, int)
    random = np.random.default_rng(0)
    environment = RecordingVecEnv(family, tasks, empty_arrays(family, 8, 1, False, False), random)
    source = PPO(n_steps=30, batch_size=60, learning_rate=1e-2, ent_coef=0.0, width=32, n_epochs=10)
    model = source.learner(environment, seed=0)
    torch.set_num_threads(1)
    model.learn(8 * 30 * 12)
    with torch.no_grad():
        values = model.policy.predict_values(torch.arange(3)).ravel().numpy()
    assert np.abs(values - [0.95**2, 0.95, 1]).max() < 0.02, values
    environment.reset()
    for _ in range(3):
        *_, ends, infos = environment.step(np.zeros(8, int))
    assert ends.all() and not any(info["TimeLimit.truncated"] for info in infos)


def test_step_limit_and_end_at_once_is_an_end():
    environment = CorridorFamily().vector(np.array([0]))
    environment.reset()
    for _ in range(3):
        _, _, terminated, truncated, _ = step_and_reset(environment, np.array([0]))
    assert terminated.tolist() == [True] and truncated.tolist() == [False]


def test_ppo_computes_in_one_thread_and_restores_the_setting():
    seen = []

    class Watched(CorridorFamily):
        def make(self, task, render_mode=None):
            seen.append(torch.get_num_threads())
            return Corridor()

    family = Watched()
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        PPO(**SMALL_PPO).record(family, np.array([0, 0]), 10, np.random.default_rng(0))
        assert set(seen) == {1} and torch.get_num_threads() == 3
        with pytest.raises(AssertionError):  # of stable-baselines3
            PPO(**SMALL_PPO | dict(batch_size=1)).record(family, np.array([0]), 10, np.random.default_rng(0))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def vector_with(mode):
    class Family(CorridorFamily):
        def vector(self, tasks):
            return SyncVectorEnv([lambda: Corridor() for _ in tasks], autoreset_mode=mode)
    return Family


def with_attributes(**attributes):
    return type("Family", (CorridorFamily,), attributes)


class NoHorizon(TaskFamily):
    name, n_tasks = "NoHorizon", 2
    observation_space, action_space = Corridor.observation_space, Corridor.action_space

    def make(self, task, render_mode=None):
        return Corridor()


@pytest.mark.parametrize("family, complaint", [
    (vector_with(AutoresetMode.NEXT_STEP), "mode = AutoresetMode.NEXT_STEP: must be AutoresetMode.SAME_STEP"),
    (vector_with(AutoresetMode.DISABLED), "mode = AutoresetMode.DISABLED: must be AutoresetMode.SAME_STEP"),
    (with_attributes(charge_resets=True), "mode = AutoresetMode.SAME_STEP: must be AutoresetMode.NEXT_STEP"),
    (with_attributes(observation_space=spaces.Dict(cell=Corridor.observation_space)), "observations = Dict"),
    (with_attributes(action_space=spaces.Box(-1, 1)), "Corridor: actions = Box"),
    (with_attributes(horizon=0), "horizon = 0: must be a whole number"),
    (NoHorizon, "NoHorizon has no horizon")])
def test_family_that_cannot_be_used_is_refused_before_anything_is_written(family, complaint):
    with pytest.raises(FamilyError) as refusal:
        Recording(family(), QLearning(), np.array([0]), 1, 10, 0)
    assert complaint in str(refusal.value) and "\n" not in str(refusal.value)


def test_usual_families_can_be_used():
    for family in (DarkRoomFamily(), KeyToDoorFamily(4, charge_resets=True), LineFamily(-3, 1),
                   GymnasiumFamily("CartPole-v1", [{}])):
        family.check()
    assert DarkRoomFamily().facts == ("goal",) and KeyToDoorFamily(4).facts == ("key", "door")
    assert CorridorFamily().facts == () and CorridorFamily().actions.n_outputs == 2


class NeverAsked(SourceAlgorithm):
    def start(self, *arguments, **named): raise AssertionError
    act = observe = start


@pytest.mark.parametrize("source, entropies, complaint", [
    (QLearning(), False, "QLearning cannot learn in CartPole-v1: observations = Box"),
    (ActorCritic(), False, "ActorCritic cannot learn in CartPole-v1: observations = Box"),
    (PosteriorSampling(), False, "PosteriorSampling needs a task family with policy and eliminate"),
    (SystematicSearch(), False, "SystematicSearch needs a task family with policy and eliminate"),
    (AnnealedOracle(), False, "AnnealedOracle needs a task family with policy"),
    (NeverAsked(), True, "NeverAsked does not know its own uncertainty")])
def test_source_that_does_not_fit_is_refused_before_anything_is_written(source, entropies, complaint):
    carts = GymnasiumFamily("CartPole-v1", [{}, {}])
    with pytest.raises(SourceError, match=complaint):
        Recording(carts, source, np.array([0]), 1, 10, 0, entropies)


def test_entropies_over_several_facts_are_refused_before_anything_is_written():
    with pytest.raises(SourceError, match="over one factor only"):
        Recording(KeyToDoorFamily(4), PosteriorSampling(), np.array([0]), 1, 10, 0, entropies=True)


def test_reference_returns_of_a_gymnasium_family():
    cars = GymnasiumFamily("MountainCar-v0", [{}, {}], oracle=[-100, -110], random=[-200, -200])
    assert cars.oracle_returns(np.array([1, 0])).tolist() == [-110, -100]
    assert cars.random_returns(np.array([1, 0])).tolist() == [-200, -200]
    assert DarkRoomFamily().random_returns(np.arange(3)).tolist() == [0, 0, 0]
    refused = [(dict(oracle=[-100, -110]), "oracle = -100 of task 0: must be more than random = 0"),
               (dict(oracle=[1]), "oracle = .*: must be 2 numbers"),
               (dict(random=[float("nan"), 0]), "random = .*: must be 2 numbers")]
    for arguments, complaint in refused:
        with pytest.raises(FamilyError, match=complaint):
            GymnasiumFamily("MountainCar-v0", [{}, {}], **arguments)


def test_source_of_ones_own_is_one_class_in_one_file(tmp_path, monkeypatch):
    (tmp_path / "my_source.py").write_text(
        "import numpy as np\n"
        "from compressed_ad.sources.source import Source, empty_arrays\n\n\n"
        "class Dreamer(Source):\n"
        "    def record(self, family, tasks, n_steps, random, entropies=False, action_noise=0.0):\n"
        "        arrays = empty_arrays(family, len(tasks), n_steps, entropies, action_noise > 0)\n"
        "        for values in arrays.values():\n"
        "            values[:] = 0\n"
        "        arrays['episode_ends'][3::4] = True\n"
        "        return {name: np.moveaxis(values, 0, 1) for name, values in arrays.items()}\n",
        encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    config = make_config(dict(task_family_arguments=dict(size=3, horizon=4), source="my_source:Dreamer",
                              n_held_out_tasks=2, n_streams=2, history_steps=20, model="AD",
                              decoder_max_seq_length=9))
    dreamt = collect_for(config, progress=False)
    assert dreamt.about["source"] == "my_source:Dreamer" and dreamt.episode_ends.sum() == 14 * 5


def test_actions_are_drawn_with_their_probabilities():
    probabilities = np.array([[0.5, 0.3, 0.2], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.25, 0.75]])
    drawn = sample_actions(probabilities.repeat(20_000, 0), np.random.default_rng(0)).reshape(4, -1)
    frequencies = np.stack([(drawn == action).mean(1) for action in range(3)], 1)
    assert np.abs(frequencies - probabilities).max() < 4 * np.sqrt(0.25 / 20_000)  # four standard errors
    assert (frequencies[probabilities == 0] == 0).all()  # what has no probability is never drawn


def test_a_source_is_made_by_its_name():
    assert make_source("QLearning", {"epsilon": 0.2}) == QLearning(epsilon=0.2)
    assert make_source("compressed_ad.sources.tabular:QLearning", {"epsilon": 0.2}).epsilon == 0.2


@pytest.mark.parametrize("name, arguments, complaint", [
    ("QLerning", {}, "source = 'QLerning': did you mean 'QLearning'?"),
    ("nowhere:Mine", {}, "there is no module 'nowhere'"),
    ("QLearning", {"epsilonn": 0.2}, "source_arguments = {'epsilonn': 0.2}: "),
    ("SystematicSearch", {"nearest_first": False}, "unexpected keyword argument 'nearest_first'"),
    ("PosteriorSampling", {"order": 1}, "unexpected keyword argument 'order'")])
def test_what_is_no_source_is_refused(name, arguments, complaint):
    with pytest.raises(PartError) as refusal:
        make_source(name, arguments)
    assert complaint in str(refusal.value)
