"Tasks that ask for memory, beyond the lesson and the chapters: refusals, pictures, what a cue tells."
import re

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from compressed_ad.tasks.family import FamilyError, make_task_family, reset_environment, step_and_reset
from compressed_ad.tasks.key_to_door import KEY, KeyToDoorFamily, KeyToDoorRules
from compressed_ad.tasks.memory import PassiveTMazeFamily, RepeatFirstFamily
from compressed_ad.tasks.permuted_dark_room import PermutedDarkRoomFamily

# registered name: class and arguments of a small one
FAMILIES = {
    "PassiveTMaze": (PassiveTMazeFamily, {"corridors": [3]}),
    "RepeatFirst": (RepeatFirstFamily, {}),
    "KeyToDoor": (KeyToDoorFamily, {"size": 4}),
    "PermutedDarkRoom": (PermutedDarkRoomFamily, {})}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_name_finds_the_family_and_the_checker_of_gymnasium_has_nothing_to_say(name):
    kind, arguments = FAMILIES[name]
    family = make_task_family(name, arguments)
    assert type(family) is kind and family.name == name
    family.check()
    check_env(family.make(1).unwrapped, skip_render_check=True)


@pytest.mark.parametrize("kind, arguments, complaint", [
    (PassiveTMazeFamily, dict(corridors=[3, 0]),
     "corridors = [3, 0]: must be whole numbers, at least 1 each"),
    (PassiveTMazeFamily, dict(corridors=[2.5]), "corridors = [2.5]: must be whole numbers"),
    (RepeatFirstFamily, dict(delays=[]), "delays = []: must be whole numbers"),
    (RepeatFirstFamily, dict(n_symbols=1), "n_symbols = 1: must be a whole number, at least 2"),
    (KeyToDoorFamily, dict(size=1), "size = 1: must be at least 2, so that start, key and door differ"),
    (KeyToDoorFamily, dict(horizon=0), "horizon = 0: must be a whole number, at least 1"),
    (KeyToDoorFamily, dict(hidden_start=False, charge_resets=True),
     "charge_resets = True: needs hidden_start = True"),
    (PermutedDarkRoomFamily, dict(n_held_out_goals=81), "n_held_out_goals = 81: must be from 1 to 80"),
    (PermutedDarkRoomFamily, dict(n_held_out_permutations=0),
     "n_held_out_permutations = 0: must be from 1 to 119")])
def test_tasks_that_cannot_be_are_refused(kind, arguments, complaint):
    with pytest.raises(FamilyError, match=re.escape(complaint)):
        kind(**arguments)


def test_a_task_that_there_is_not_is_refused():
    mazes = PassiveTMazeFamily(range(1, 7))
    with pytest.raises(FamilyError, match="task = 12: must be from 0 to 11"):
        mazes.make(12)


def test_a_split_that_cannot_be_is_refused():
    permuted = PermutedDarkRoomFamily()
    with pytest.raises(FamilyError, match="n_held_out = 161: must be from 1 to 160"):
        permuted.split(161)
    with pytest.raises(FamilyError, match="n_training = 7301"):
        permuted.split(8, 0, 7301)


def test_a_maze_cannot_be_drawn():
    maze = PassiveTMazeFamily([3]).make(0, "rgb_array")
    maze.reset()
    with pytest.raises(NotImplementedError, match="PassiveTMaze cannot be drawn"):
        maze.render()


def test_a_picture_shows_the_key_until_it_is_found():
    room = KeyToDoorFamily(3).make(0, "rgb_array")  # cells 0, 1 and 2: start, key and door
    room.reset()
    before = room.render()
    room.step(4)
    assert (before[12, 36] == KEY).all() and not (room.render() == KEY).all(-1).any()


def test_a_picture_of_a_permuted_room_is_that_of_its_goal():
    permuted = PermutedDarkRoomFamily()
    shown = []
    for task in (120 * 7, 120 * 7 + 55, 120 * 8):
        room = permuted.make(task, "rgb_array")
        room.reset()
        shown.append(room.render())
    assert (shown[0] == shown[1]).all() and (shown[0] != shown[2]).any()


def test_the_rules_of_key_to_door_alone_do_not_know_the_truth():
    rules = KeyToDoorRules(3)
    rules.check()
    for method in ("oracle_returns", "policy", "eliminate"):
        assert KeyToDoorFamily(3).knows(method) and not rules.knows(method)


def test_who_turns_up_always_is_right_in_half_of_the_mazes():
    mazes = PassiveTMazeFamily(range(1, 7))
    tasks = np.arange(12)
    environment = mazes.vector(tasks)
    observations = reset_environment(environment, 0)
    paid = np.zeros(12)
    ended = np.zeros(12)
    for _ in range(7 * 12):
        actions = np.where(observations == mazes.JUNCTION, 2, 0)
        _, rewards, terminated, truncated, observations = step_and_reset(environment, actions)
        paid += rewards
        ended += terminated | truncated
    assert (ended > 0).all() and (paid == ended * (tasks % 2 == 0)).all()


def test_a_cue_leaves_one_value():
    mazes = PassiveTMazeFamily(range(1, 7))
    possible = [np.ones((2, 2), bool)]
    mazes.eliminate(possible, np.array([mazes.CUE_DOWN, mazes.CORRIDOR]), None, None, None)
    assert possible[0].tolist() == [[False, True], [True, True]]
    assert mazes.factors == (2,)
    assert mazes.factor_values(np.array([0, 1, 6, 7])).ravel().tolist() == [0, 1, 0, 1]
    recall = RepeatFirstFamily(delays=(2, 5), n_symbols=3)
    possible = [np.ones((2, 3), bool)]
    recall.eliminate(possible, np.array([[0, 2], [1, 0]]), None, None, None)
    assert possible[0].tolist() == [[False, False, True], [True, True, True]]


def test_the_oracle_of_repeat_first_gives_nothing_away():
    recall = RepeatFirstFamily(delays=(2, 5), n_symbols=3)
    seen = np.array([[recall.FIRST, 1], [recall.BETWEEN, 2], [recall.QUESTION, 2]])
    assert recall.oracle_policy(seen, np.array([4, 4, 4])).argmax(1).tolist() == [0, 0, 1]


def test_episodes_of_repeat_first():
    recall = RepeatFirstFamily(delays=(2, 5), n_symbols=3)
    tasks = np.arange(6).repeat(200)
    environment = recall.vector(tasks)
    seen = [reset_environment(environment, 0)]
    for _ in range(5):
        seen.append(step_and_reset(environment, np.zeros(len(tasks), int))[4])
    phases, symbols = np.moveaxis(np.stack(seen), -1, 0)  # (steps, streams)
    short = tasks < 3
    assert (symbols[0] == tasks % 3).all()
    assert (phases[:, short].T == [0, 1, 2, 0, 1, 2]).all()
    assert (phases[:, ~short].T == [0, 1, 1, 1, 1, 2]).all()
    assert (symbols[3, short] == tasks[short] % 3).all()  # the next episode
    distractors = symbols[1:6, ~short]
    drawn = np.bincount(distractors.ravel(), minlength=3) / distractors.size
    assert np.abs(drawn - 1 / 3).max() < 0.05
