"Tasks that change: when and to what, sides of the split, one environment beside many, sources that re-open."
import numpy as np
import pytest

from compressed_ad.config import make_config
from compressed_ad.files import CompressedADError
from compressed_ad.recording import Recording, collect, collect_for
from compressed_ad.sources.posterior import AnnealedOracle, PosteriorSampling, SystematicSearch
from compressed_ad.sources.source import SourceError
from compressed_ad.studies import Measurement
from compressed_ad.tasks.dark_room import DarkRoomFamily
from compressed_ad.tasks.family import FamilyError, reset_environment, step_and_reset
from compressed_ad.tasks.key_to_door import KeyToDoorFamily
from compressed_ad.tasks.moving import (
    MovingDarkRoomFamily, MovingKeyToDoorFamily, layout_numbers, rewards_per_layout)

ROOM = MovingDarkRoomFamily(change_every=(7, 23), n_held_out_layouts=4, size=3, horizon=5)
LEAVING = MovingDarkRoomFamily(change_every=9, n_held_out_layouts=4, size=3, horizon=6, ends_at_goal=True)
FREE = MovingKeyToDoorFamily(change_every=(10, 40), n_held_out_layouts=30, size=3, horizon=9)
CHARGED = MovingKeyToDoorFamily(change_every=25, n_held_out_layouts=30, size=3, horizon=9, charge_resets=True)
families = pytest.mark.parametrize("family", [ROOM, LEAVING, FREE, CHARGED],
                                   ids=["room", "leaving", "free", "charged"])


def walk(family, tasks, n_steps, seed=0):
    "Layouts and changes due before each call, ends and rewards, (n, n_steps) each, of random actions."
    environment = family.vector(tasks)
    reset_environment(environment, seed)
    noted = []
    for actions in np.random.default_rng(1).integers(5, size=(n_steps, len(tasks))):
        before = environment.state["layout"].copy(), environment.state["due"].copy()
        _, rewards, terminated, truncated, _ = step_and_reset(environment, actions)
        noted.append((*before, terminated | truncated, rewards))
    return [np.stack(values, 1) for values in zip(*noted)]


@families
def test_a_change_comes_at_the_first_episode_end_from_when_it_is_due(family):
    tasks = np.arange(family.n_tasks)[::5]
    layouts, due, ends, _ = walk(family, tasks, 300)
    assert (layouts[:, 0] == tasks).all()
    n_changes = 0
    for layout, when, ended in zip(layouts, due, ends):
        wanted = layout[0]
        limit = when[0]
        for call in range(1, 300):
            at_end = ended[call - 1]
            if family.charge_resets:  # the reset has a call of its own, and the state is new after it
                at_end = call > 1 and ended[call - 2]
            calls = call - family.charge_resets
            if at_end and calls >= limit:
                assert layout[call] != wanted
                assert family.waits[0] <= when[call] - limit <= family.waits[1]
                wanted = layout[call]
                limit = when[call]
                n_changes += 1
            assert layout[call] == wanted and when[call] == limit
    assert n_changes > 5 * len(tasks)


@families
def test_layouts_are_drawn_evenly_from_the_side_of_the_task(family):
    split = family.split(family.n_aside, family.split_seed)
    assert sorted([*split.train, *split.held_out]) == list(range(family.n_tasks))
    for side in (split.train, split.held_out):
        seen = walk(family, side.repeat(3), 200)[0]
        assert set(np.unique(seen)) == set(side)
    ordinary = DarkRoomFamily(3).split(4).held_out
    assert ROOM.split(4).held_out.tolist() == ordinary.tolist()  # those that the same seed holds out there
    drawn = ROOM._another(np.full(20_000, ordinary[1]), np.random.default_rng(0))
    shares = np.bincount(drawn, minlength=9)[ordinary] / 20_000
    assert shares[1] == 0 and np.abs(shares[[0, 2, 3]] - 1 / 3).max() < 0.02


def test_another_seed_divides_otherwise():
    other = MovingDarkRoomFamily(n_held_out_layouts=8, split_seed=5)
    assert other.split(8, 5).held_out.tolist() != MovingDarkRoomFamily().split(8).held_out.tolist()
    assert set(other.split(3, 5).held_out) < set(other.split(8, 5).held_out)
    assert (other.split(3, 5).train == other.split(8, 5).train).all()  # what is aside is never trained on
    assert len(other.split(3, 5, n_training=10).train) == 10


@families
@pytest.mark.parametrize("seed", [0, 11])
def test_one_environment_and_a_vector_agree(family, seed):
    task = 3
    together = family.vector(np.array([task]))
    single = family.make(task)
    assert np.array_equal(together.reset(seed=seed)[0][0], single.reset(seed=seed)[0])
    found = set()
    waits = False
    for action in np.random.default_rng(2).integers(5, size=400):
        led_to, rewards, terminated, truncated, following = step_and_reset(together, np.array([action]))
        if waits:
            seen, paid, is_over, is_late = single.reset()[0], 0.0, False, False
        else:
            seen, paid, is_over, is_late, _ = single.step(action)
        assert np.array_equal(led_to[0], seen)
        assert (rewards[0], terminated[0], truncated[0]) == (paid, is_over, is_late)
        waits = family.charge_resets and (is_over or is_late)
        if not family.charge_resets and (is_over or is_late):
            assert np.array_equal(following[0], single.reset()[0])
        if not waits:
            assert single.state["layout"] == together.state["layout"]
        found.add(int(together.state["layout"][0]))
    assert len(found) > 3


def test_a_seed_begins_a_life_again():
    single = ROOM.make(2)
    lives = []
    for _ in range(2):
        single.reset(seed=4)
        layouts = []
        for _ in range(100):
            *_, is_late, _ = single.step(0)
            layouts.append(int(single.state["layout"][0]))
            if is_late:
                single.reset()
        lives.append(layouts)
    assert lives[0] == lives[1] and lives[0][0] == 2 and len(set(lives[0])) > 2


def test_an_ordinary_family_begins_every_episode_like_the_first():
    rooms = DarkRoomFamily(3, 4)
    state = rooms.renew({"cell": np.array([8, 8])}, np.array([0, 1]), np.random.default_rng(0))
    assert state["cell"].tolist() == [4, 4]


@pytest.mark.parametrize("family", [LEAVING, CHARGED], ids=["leaving", "charged"])
def test_layouts_are_counted_from_the_ends_alone(family):
    layouts, _, ends, rewards = walk(family, np.arange(family.n_tasks)[::7], 200)
    every = family.waits[0]
    numbers = np.cumsum(np.diff(layouts, axis=1, prepend=layouts[:, :1]) != 0, axis=1)
    if family.charge_resets:  # `layouts` are those before a call; a reset belongs to where it leads
        numbers = np.column_stack([numbers[:, 1:], numbers[:, -1]])
        ends, rewards, numbers = ends[:, :199], rewards[:, :199], numbers[:, :199]
    assert (layout_numbers(ends, every) == numbers).all()
    paid = rewards_per_layout(rewards, ends, every, 40)
    for row, (number, reward) in enumerate(zip(numbers, rewards)):
        for layout in range(number.max() + 1):
            assert np.isclose(paid[row, layout], every * reward[number == layout].mean())
        assert np.isnan(paid[row, number.max() + 1:]).all()


@pytest.mark.parametrize("kind, room", [
    (MovingDarkRoomFamily, {}), (MovingDarkRoomFamily, {"ends_at_goal": True}), (MovingKeyToDoorFamily, {}),
    (MovingKeyToDoorFamily, {"charge_resets": True})])
@pytest.mark.parametrize("source", [PosteriorSampling(reopens=True), SystematicSearch(reopens=True),
                                    PosteriorSampling(nearest_first=True, reopens=True)])
def test_a_source_keeps_the_truth_until_a_change_and_finds_it_again(kind, room, source):
    slow = kind(change_every=400, n_held_out_layouts=4, size=3, horizon=9, **room)
    tasks = np.arange(slow.n_tasks)[::3].repeat(4)
    environment = slow.vector(tasks)
    observations = reset_environment(environment, 0)
    source.start(slow, tasks, 780, np.random.default_rng(0), predictive=False)
    rows = np.arange(len(tasks))
    late = []
    for call in range(780):
        actions = source.act(observations)
        led_to, rewards, *ends, following = step_and_reset(environment, actions)
        source.observe(observations, actions, rewards, led_to, *ends)
        observations = following
        if call < 400:
            for possible, true in zip(source.possible, slow.factor_values(tasks).T):
                assert possible[rows, true].all()
        late.append(rewards)
    now = slow.factor_values(environment.state["layout"])
    assert (environment.state["layout"] != tasks).all()
    assert np.mean(source.believed == now) > 0.98
    for period, layouts in ((late[300:400], tasks), (late[680:], environment.state["layout"])):
        assert np.mean(period) > 0.95 * slow.still.oracle_reward_rate(layouts).mean()  # as good as before


def test_a_source_that_re_opens_is_the_same_where_nothing_changes():
    for family in (DarkRoomFamily(3, 8), KeyToDoorFamily(3, 12)):
        for kind in (PosteriorSampling, SystematicSearch):
            lives = [collect(family, kind(reopens=option), np.arange(9), 2, 100, 0, progress=False,
                             action_noise=0.1) for option in (False, True)]
            for name in lives[0].array_names:
                assert (getattr(lives[0], name) == getattr(lives[1], name)).all()


@pytest.mark.parametrize("source, entropies, complaint", [
    (PosteriorSampling(), False, "PosteriorSampling takes a task to be fixed, and those of MovingDarkRoom"),
    (SystematicSearch(), False, "set source_arguments: {reopens: true}"),
    (AnnealedOracle(), False, "AnnealedOracle plays for a fixed task"),
    (PosteriorSampling(reopens=True), True, "reopens = True: set record_entropies: false"),
    (SystematicSearch(reopens=True), True, "over one factor only")])
def test_a_source_that_does_not_fit_is_refused_before_anything_is_recorded(source, entropies, complaint):
    with pytest.raises(SourceError) as refusal:
        Recording(ROOM, source, np.array([0]), 1, 10, 0, entropies)
    assert complaint in str(refusal.value)


def test_a_split_that_would_mix_the_sides_is_refused():
    with pytest.raises(FamilyError, match="split_seed = 1: .* are divided with split_seed = 0"):
        ROOM.split(4, 1)
    with pytest.raises(FamilyError, match="n_held_out = 5: must be from 1 to n_held_out_layouts = 4"):
        ROOM.split(5)


def test_histories_are_recorded_with_noise_and_the_same_each_time():
    config = make_config(dict(
        task_family="MovingDarkRoom", n_held_out_tasks=4, n_streams=2, history_steps=60,
        task_family_arguments=dict(change_every=[7, 23], n_held_out_layouts=4, size=3, horizon=5),
        source_arguments={"reopens": True}, record_entropies=False, action_noise=0.2, model="AD",
        decoder_max_seq_length=9))
    one, other = (collect_for(config, progress=False) for _ in range(2))
    assert (one.intended_actions != one.actions).any()
    for name in one.array_names:
        assert (getattr(one, name) == getattr(other, name)).all()
    aside = {tuple(cell) for cell in config.family.still.goals[config.split.held_out].tolist()}
    paid = {tuple(cell) for cell in one.next_observations[one.rewards > 0].tolist()}
    assert len(paid) == 5 and not paid & aside  # never at a goal that is held out


def test_the_oracle_of_changing_tasks_is_its_mean_over_the_side():
    still = KeyToDoorFamily(3, 9, charge_resets=True)
    split = CHARGED.split(30)
    for side in (split.train, split.held_out):
        assert np.allclose(CHARGED.oracle_reward_rate(side), still.oracle_reward_rate(side).mean())
        assert np.allclose(CHARGED.oracle_returns(side), still.oracle_returns(side).mean())
    environment = CHARGED.vector(split.held_out)
    observations = reset_environment(environment, 0)
    paid = []
    for _ in range(3000):  # whoever is told at once what has changed
        actions = CHARGED.oracle_policy(observations, environment.state["layout"]).argmax(-1)
        _, rewards, _, _, observations = step_and_reset(environment, actions)
        paid.append(rewards)
    assert abs(np.mean(paid) / CHARGED.oracle_reward_rate(split.held_out)[0] - 1) < 0.05


def test_a_study_measures_the_held_out_tasks_with_other_changes():
    config = make_config(dict(
        task_family="MovingDarkRoom", n_held_out_tasks=3, record_entropies=False, n_streams=2,
        task_family_arguments=dict(change_every=[7, 23], n_held_out_layouts=4, size=3, horizon=5),
        source_arguments={"reopens": True}))
    other = config.task_family_arguments | {"change_every": 50}
    measured = Measurement("goals_per_1000", family_arguments=other, n_episodes=4, window=50)
    family, tasks = measured.tasks(config)
    assert family.waits == (50, 50) and (tasks == config.split.held_out).all()
    values = measured.of_yardstick("source", config, 0)
    assert [value.setting["first_call"] for value in values] == [1, 51, 101, 151]
    assert all(value.per_task.shape == (3,) for value in values)


def test_a_task_that_is_not_there_is_refused():
    with pytest.raises(CompressedADError, match="task = 9: must be from 0 to 8"):
        ROOM.make(9)
