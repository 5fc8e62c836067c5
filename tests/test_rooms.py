"""Dark rooms beyond the lesson: refusals, seeds, pictures, episodes that end at the goal, families by name.

Vectorised environments of six kinds are stepped beside single ones.
"""
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from compressed_ad.registry import PartError
from compressed_ad.tasks.dark_room import (
    AGENT, DARK_ROOM_ID, FLOOR, GOAL, MOVES, DarkRoom, DarkRoomFamily, DarkRoomRules, draw_room)
from compressed_ad.tasks.family import (
    FamilyError, TaskFamily, make_task_family, reset_environment, step_and_reset)
from compressed_ad.tasks.gym_adapter import GymnasiumFamily

MAPS = (["SFF", "FHF", "FFG"], ["SHF", "FFF", "FFG"], ["SFF", "HFF", "FFG"])
ICE = dict(is_slippery=False, max_episode_steps=6)
LAKES = GymnasiumFamily("FrozenLake-v1", [dict(desc=lake, **ICE) for lake in MAPS], oracle=[1, 1, 1])
FIVE = DarkRoomFamily(5, 7)
LEAVING = DarkRoomFamily(5, 6, ends_at_goal=True)
THREE = DarkRoomFamily(3, 4)
THROUGH_GYM = GymnasiumFamily(DARK_ROOM_ID, [dict(size=3, horizon=4, goal=goal, max_episode_steps=4)
                                             for goal in THREE.goals.tolist()])


@pytest.mark.parametrize("options", [{}, dict(size=4, horizon=3, goal=(0, 3), render_mode="rgb_array"),
                                     dict(size=3, ends_at_goal=True)])
def test_the_checker_of_gymnasium_has_nothing_to_say(options):
    check_env(gym.make(DARK_ROOM_ID, **options).unwrapped)


@pytest.mark.parametrize("options, complaint", [
    (dict(size=0), "size = 0: must be a whole number, at least 1"),
    (dict(horizon=2.5), "horizon = 2.5: must be a whole number, at least 1"),
    (dict(goal=(0, 9)), r"goal = \(0, 9\): must be \(row, column\), each from 0 to 8"),
    (dict(goal=(3,)), r"goal = \(3,\): must be \(row, column\)"),
    (dict(goal=(-1, 0)), r"goal = \(-1, 0\): must be \(row, column\)"),
    (dict(render_mode="human"), r"must be None or one of \['rgb_array'\]")])
def test_rooms_that_cannot_be_are_refused(options, complaint):
    with pytest.raises(FamilyError, match=complaint):
        DarkRoom(**options)


def goal_of(room: DarkRoom) -> tuple[int, ...]:
    return tuple(room.family.goals[room.task[0]].tolist())


def test_a_seed_draws_a_goal_and_a_reset_without_one_keeps_it():
    room = DarkRoom()
    drawn = []
    for seed in range(30):
        room.reset(seed=seed)
        drawn.append(goal_of(room))
        room.reset()
        assert goal_of(room) == drawn[-1]
    room.reset(seed=0)
    assert goal_of(room) == drawn[0] and len(set(drawn)) > 15
    unseeded = DarkRoom()
    unseeded.reset()
    before = goal_of(unseeded)
    unseeded.reset()
    assert goal_of(unseeded) == before
    given = DarkRoom(goal=(8, 8))
    given.reset(seed=3)
    assert goal_of(given) == (8, 8)


def test_pictures_show_goal_and_agent():
    def colour(picture, row, column, down=12):
        return tuple(picture[24 * row + down, 24 * column + 12])

    room = DarkRoom(size=5, goal=(0, 3), render_mode="rgb_array")
    room.reset()
    picture = room.render()
    assert picture.shape == (120, 120, 3) and picture.dtype == np.uint8
    assert (picture == draw_room(5, (0, 3), (2, 2))).all()
    assert colour(picture, 0, 3) == GOAL and colour(picture, 2, 2) == AGENT and colour(picture, 4, 0) == FLOOR
    for action in (1, 1, 4):
        room.step(action)
        assert colour(room.render(), 2, 2) == FLOOR  # the agent has left
    assert colour(room.render(), 0, 3) == AGENT and colour(room.render(), 0, 3, down=2) == GOAL  # both


def test_a_room_through_gymnasium_is_the_plain_rule():
    room = gym.make(DARK_ROOM_ID, size=4, horizon=30, goal=(1, 3))
    cell, _ = room.reset()
    for step, action in enumerate(np.random.default_rng(0).integers(5, size=30), start=1):
        cell = np.clip(cell + MOVES[action], 0, 3)
        seen, reward, terminated, truncated, _ = room.step(action)
        assert (seen == cell).all() and reward == (tuple(cell) == (1, 3))
        assert truncated == (step == 30) and not terminated


def test_an_episode_that_ends_at_the_goal():
    room = DarkRoom(size=5, goal=(2, 3), ends_at_goal=True)
    room.reset()
    assert [room.step(action)[1:4] for action in (1, 2, 4)] == [(0, False, False)] * 2 + [(1, True, False)]
    tasks = np.arange(25)
    environment = LEAVING.vector(tasks)
    observations = reset_environment(environment, 0)
    reached = np.zeros(25)
    for _ in range(24):  # a multiple of all distances: 1, 2, 3 and 4
        actions = LEAVING.oracle_policy(observations, tasks).argmax(-1)
        _, rewards, terminated, _, observations = step_and_reset(environment, actions)
        assert (terminated == (rewards == 1)).all()
        reached += rewards
    assert np.allclose(reached / 24, LEAVING.oracle_reward_rate(tasks))
    assert (LEAVING.oracle_returns(tasks) == 1).all()
    assert (FIVE.oracle_reward_rate(tasks) == FIVE.oracle_returns(tasks) / 7).all()


def test_the_rules_alone_do_not_know_the_truth():
    rules = DarkRoomRules(3, 4)
    rules.check()
    for method in ("oracle_returns", "policy", "eliminate"):
        assert THREE.knows(method) and not rules.knows(method)
    assert rules.factors == (9,) and rules.factor_values(np.array([3, 8])).tolist() == [[3], [8]]


def test_splits():
    family = DarkRoomFamily()
    for n_held_out in (0, 81, -1):
        with pytest.raises(FamilyError, match=f"n_held_out = {n_held_out}: must be from 1 to 80"):
            family.split(n_held_out)
    with pytest.raises(FamilyError, match="n_training = 74: must be from 1 to 73, the tasks that are"):
        family.split(8, 0, 74)
    assert len(family.split(80).train) == 1
    assert len(family.split(8, n_training=10).train) == 10
    assert (family.split(8, seed=0).held_out != family.split(8, seed=1).held_out).any()
    assert (family.split(8, seed=1).train == family.split(8, seed=1).train).all()


def test_a_family_by_its_name():
    small = make_task_family("DarkRoom", {"size": 4, "horizon": 6})
    assert type(small) is DarkRoomFamily and (small.n_tasks, small.horizon) == (16, 6)
    assert make_task_family("DarkRoom").n_tasks == 81
    assert make_task_family("compressed_ad.tasks.dark_room:DarkRoomFamily", {"size": 3}).n_tasks == 9


@pytest.mark.parametrize("name, arguments, complaint", [
    ("LightRoom", {}, "task_family = 'LightRoom': "),
    ("no_such_module:Room", {}, "task_family = 'no_such_module:Room': "),
    ("compressed_ad.tasks.family:NoSuchFamily", {}, "has no NoSuchFamily"),
    ("os:mkdir", {"path": "made by a file"}, "must be a class derived from TaskFamily"),
    ("DarkRoom", {"sise": 4}, "task_family_arguments = {'sise': 4}: "),
    ("DarkRoom", {"size": 0}, "size = 0: must be a whole number")])
def test_a_wrong_name_or_argument_is_refused(name, arguments, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PartError) as refusal:
        make_task_family(name, arguments)
    assert complaint in str(refusal.value)
    assert not list(tmp_path.iterdir())  # nothing was called


@pytest.mark.parametrize("environment_id, task_arguments, complaint", [
    ("Pendulum-v1", [{}], "must be Discrete"),
    ("FrozenLake-v1", [], "at least one task"),
    ("FrozenLake-v1", [dict(map_name="4x4"), dict(map_name="8x8")], "task 1 has other spaces than task 0"),
    (DARK_ROOM_ID, [{}], "put max_episode_steps into task_arguments")])
def test_environments_that_make_no_family(environment_id, task_arguments, complaint):
    with pytest.raises(FamilyError, match=complaint):
        GymnasiumFamily(environment_id, task_arguments)


def test_what_a_gymnasium_family_is_and_does_not_know():
    assert (LAKES.n_tasks, LAKES.horizon, THROUGH_GYM.n_tasks, THROUGH_GYM.horizon) == (3, 6, 9, 4)
    assert LAKES.observation_space == gym.spaces.Discrete(9) and LAKES.action_space == gym.spaces.Discrete(4)
    assert THROUGH_GYM.observation_space == THREE.observation_space
    assert LAKES.oracle_returns(np.array([2, 0])).tolist() == [1, 1]
    assert len(LAKES.split(1).train) == 2
    with pytest.raises(NotImplementedError, match="use a source algorithm that learns from reward"):
        LAKES.oracle_policy(np.zeros(1, int), np.zeros(1, int))
    with pytest.raises(NotImplementedError, match="cannot tell which tasks"):
        LAKES.eliminate(None, None, None, None, None)
    with pytest.raises(NotImplementedError, match="does not know its oracle returns"):
        THROUGH_GYM.oracle_returns(np.zeros(1, int))


def test_autoreset_in_the_same_step():
    environment = DarkRoomFamily(size=3, horizon=2).vector(np.array([3, 0]))  # goals (1, 0) and (0, 0)
    assert environment.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert environment.observation_space.shape == (2, 2) and environment.action_space.shape == (2,)
    environment.reset()
    environment.step(np.array([3, 1]))
    observations, rewards, terminated, truncated, info = environment.step(np.array([0, 3]))
    assert (observations == 1).all() and observations in environment.observation_space
    assert truncated.all() and not terminated.any() and info["_final_obs"].all()
    assert info["final_obs"].tolist() == [[1, 0], [0, 0]] and rewards.tolist() == [1, 1]


def test_autoreset_in_the_next_step():
    rooms = [lambda goal=goal: DarkRoom(3, 2, goal) for goal in ((1, 0), (0, 0))]
    environment = SyncVectorEnv(rooms, autoreset_mode=AutoresetMode.NEXT_STEP)
    environment.reset()
    calls = [step_and_reset(environment, np.array(actions)) for actions in ([3, 1], [0, 3], [4, 4], [4, 4])]
    assert all((led_to == following).all() for led_to, *_, following in calls)
    assert [led_to.tolist() for led_to, *_ in calls] == [
        [[1, 0], [0, 1]], [[1, 0], [0, 0]], [[1, 1], [1, 1]], [[1, 2], [1, 2]]]


def n_episodes_in_agreement(family, environment, tasks, n_steps):
    "Step `environment` beside single environments; how many episodes ended. What is unequal fails."
    singles = [family.make(task) for task in tasks]
    observations = environment.reset(seed=0)[0]
    assert np.array_equal(observations, [single.reset(seed=0)[0] for single in singles])
    n_ended = 0
    for actions in np.random.default_rng(1).integers(family.action_space.n, size=(n_steps, len(tasks))):
        given = step_and_reset(environment, actions)
        for row, (single, action) in enumerate(zip(singles, actions, strict=True)):
            led_to, reward, terminated, truncated, _ = single.step(action)
            following = single.reset()[0] if terminated or truncated else led_to
            expected = (led_to, reward, terminated, truncated and not terminated, following)
            equal = [np.array_equal(got[row], want) for got, want in zip(given, expected, strict=True)]
            assert all(equal), (row, action)
        n_ended += int((given[2] | given[3]).sum())
    return n_ended


@pytest.mark.parametrize("family, environment, n_steps, n_ended", [
    (DarkRoomFamily(), DarkRoomFamily.vector, 65, 81 * 3),
    (FIVE, DarkRoomFamily.vector, 30, 25 * 4),
    (FIVE, TaskFamily.vector, 30, 25 * 4),  # Gymnasium's `SyncVectorEnv`
    (THROUGH_GYM, GymnasiumFamily.vector, 17, 9 * 4),
    (THROUGH_GYM, lambda family, tasks: THREE.vector(tasks), 17, 9 * 4)])
def test_vectorised_and_single_environments_agree(family, environment, n_steps, n_ended):
    tasks = np.arange(family.n_tasks)
    assert n_episodes_in_agreement(family, environment(family, tasks), tasks, n_steps) == n_ended


@pytest.mark.parametrize("family", [LAKES, LEAVING])
def test_they_agree_where_episodes_differ_in_length(family):
    tasks = np.arange(family.n_tasks)
    n_ended = n_episodes_in_agreement(family, family.vector(tasks), tasks, 60)
    assert n_ended > len(tasks) * 60 // 6


def test_tasks_may_repeat_and_come_in_any_order():
    rows = np.array([7, 7, 0, 24, 3])
    assert n_episodes_in_agreement(FIVE, FIVE.vector(rows), rows, n_steps=15) == 5 * 2
