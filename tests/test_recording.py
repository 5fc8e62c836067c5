"What is recorded, and what is refused: values that cannot be, histories that nobody asked for."
import dataclasses

import numpy as np
import pytest

from compressed_ad.config import ConfigError, make_config
from compressed_ad.files import CompressedADError
from compressed_ad.histories import LABELS, LearningHistories, returns_per_episode
from compressed_ad.recording import (
    HistoryFileError, check_histories, check_values, collect, collect_for, recording_of)
from compressed_ad.sources.posterior import PosteriorSampling
from compressed_ad.sources.source import make_source
from compressed_ad.sources.tabular import QLearning
from compressed_ad.storage import save_histories
from compressed_ad.tasks.dark_room import DarkRoomFamily
from compressed_ad.tasks.gym_adapter import GymnasiumFamily

FAMILY = DarkRoomFamily(3, 4)
CONFIG = make_config(dict(task_family_arguments=dict(size=3, horizon=4), n_held_out_tasks=2, n_streams=2,
                          history_steps=20, model="AD", decoder_max_seq_length=9))
HELD_OUT = CONFIG.split.held_out[0]


@pytest.fixture(scope="module")
def asked_for() -> LearningHistories:
    return collect_for(CONFIG, progress=False)


def test_histories_are_those_of_the_training_tasks_in_their_order(asked_for):
    assert asked_for.tasks.tolist() == CONFIG.split.train.repeat(2).tolist()
    assert asked_for.streams.tolist() == [0, 1] * 7 and (asked_for.seeds == CONFIG.seed).all()
    assert asked_for.entropies is not None
    check_histories(asked_for, CONFIG)
    check_histories(asked_for, CONFIG.changed(history_steps=10))  # longer than needed


@pytest.mark.parametrize("changes, complaint", [
    (dict(n_streams=3, action_noise=0.5),
     "recorded with other settings: action_noise = 0.0 there, 0.5 here; n_streams = 2 there, 3 here"),
    (dict(history_steps=21), "fewer than history_steps = 21"),
    (dict(n_training_tasks=6), "n_training_tasks = 0 there, 6 here")])
def test_histories_of_other_settings_are_refused(asked_for, changes, complaint):
    with pytest.raises(HistoryFileError) as refusal:
        check_histories(asked_for, CONFIG.changed(**changes))
    assert complaint in str(refusal.value)


def of_some_tasks(histories):
    kept = histories.tasks != histories.tasks[0]
    names = histories.array_names + LABELS
    return dataclasses.replace(histories, **{name: getattr(histories, name)[kept] for name in names})


def from_elsewhere(**change):
    "Histories that do not say with what settings they were recorded, and one thing is changed."
    def changed(histories):
        arrays = {name: make(getattr(histories, name)) for name, make in change.items()}
        return dataclasses.replace(histories, **arrays, about={})
    return changed


@pytest.mark.parametrize("change, complaint", [
    (of_some_tasks, "has histories of 6 tasks, but 7 are asked for"),
    (from_elsewhere(tasks=lambda tasks: np.full(14, HELD_OUT)), f"has histories of tasks [{HELD_OUT}]"),
    (from_elsewhere(actions=lambda actions: np.where(np.arange(20) == 3, 7, actions)),
     "actions of row 0, step 3 = 7: must lie in Discrete(5)"),
    (from_elsewhere(observations=lambda cells: cells + np.uint8(2)),
     "observations of row 0, step 0 = [3, 3]: must lie in MultiDiscrete([3 3])"),
    (from_elsewhere(observations=lambda cells: cells[..., 0], next_observations=lambda cells: cells[..., 0]),
     "has observations of shape (), those of DarkRoom are (2,)")])
def test_histories_that_were_not_asked_for_are_refused(asked_for, change, complaint):
    with pytest.raises(HistoryFileError) as refusal:
        check_histories(change(asked_for), CONFIG)
    assert complaint in str(refusal.value)


def test_more_training_tasks_than_there_are_cannot_be_recorded():
    with pytest.raises(ConfigError, match="n_training_tasks = 8: must be from 1 to 7"):
        recording_of(CONFIG.changed(n_training_tasks=8))


def test_noise_that_is_no_probability_is_refused():
    with pytest.raises(CompressedADError, match="action_noise = 2: must be from 0 to 1"):
        collect(FAMILY, PosteriorSampling(), np.arange(9), 1, 4, seed=0, action_noise=2)


@pytest.mark.parametrize("name, row, step, value, complaint", [
    ("rewards", 4, 11, np.nan, "rewards of row 4, step 11 = nan: must be a finite number"),
    ("actions", 13, 0, 5, r"actions of row 13, step 0 = 5: must lie in Discrete\(5\)"),
    ("episode_ends", 3, 7, False, "episode_ends of row 3, step 8: the episode has more than")])
def test_values_that_cannot_be_are_refused(asked_for, name, row, step, value, complaint, tmp_path):
    values = getattr(asked_for, name).copy()
    values[row, step] = value
    wrong = dataclasses.replace(asked_for, **{name: values})
    with pytest.raises(HistoryFileError, match=complaint):
        check_values(wrong)
    with pytest.raises(HistoryFileError, match=f"wrong.h5: {complaint}"):
        save_histories(wrong, tmp_path / "wrong.h5")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rows, starts", [([0], [16]), ([0, 1], [-1, 4])])
def test_windows_that_leave_their_history_are_refused(asked_for, rows, starts):
    with pytest.raises(CompressedADError, match="do not lie within 0 to 20"):
        asked_for.read(rows, starts, 5)


@pytest.mark.parametrize("name", ["PosteriorSampling", "SystematicSearch", "QLearning", "ActorCritic",
                                  "AnnealedOracle"])
def test_the_same_arguments_give_the_same_file(name, tmp_path):
    files = []
    for seed in (7, 7, 8):
        histories = collect(FAMILY, make_source(name), np.arange(9), 2, 40, seed,
                            entropies=name != "SystematicSearch", progress=False, action_noise=0.1)
        save_histories(histories, tmp_path / "same.h5")
        files.append((tmp_path / "same.h5").read_bytes())
    assert files[0] == files[1] != files[2]


def test_episodes_of_different_lengths_are_recorded():
    lakes = GymnasiumFamily("FrozenLake-v1", [dict(desc=lake, is_slippery=False, max_episode_steps=6)
                                              for lake in (["SFF", "FHF", "FFG"], ["SHF", "FFF", "FFG"])])
    on_ice = collect(lakes, QLearning(), np.array([0, 1]), n_streams=5, n_steps=60, seed=0, progress=False)
    lengths = np.diff(np.flatnonzero(on_ice.episode_ends[0]), prepend=-1)
    assert on_ice.observations.shape == (10, 60)
    assert 1 < len(set(lengths.tolist())) and lengths.max() <= 6
    assert (on_ice.next_observations[on_ice.rewards > 0] == 8).all()  # paid on the last cell only


def returns_slowly(rewards, ends, n_episodes):
    table = []
    for row_rewards, row_ends in zip(rewards, ends):
        returns, total = [], 0.0
        for reward, end in zip(row_rewards, row_ends):
            total += reward
            if end:
                returns.append(total)
                total = 0.0
        table.append((returns + [np.nan] * n_episodes)[:n_episodes])
    return table


def test_returns_are_those_of_a_loop_whatever_the_lengths():
    random = np.random.default_rng(0)
    rewards = random.integers(0, 3, (50, 40)).astype(float)
    ends = random.random((50, 40)) < 0.15
    ends[0] = False  # completes nothing
    ends[1, -1] = True  # ends with the recording
    most = int(ends.sum(1).max())
    assert returns_per_episode(rewards, ends).shape == (50, most)
    for n_episodes in (1, 5, most, most + 3):
        fast, slow = (f(rewards, ends, n_episodes) for f in (returns_per_episode, returns_slowly))
        assert np.array_equal(fast, slow, equal_nan=True)
    assert np.isnan(returns_per_episode(rewards, ends)[0]).all()
