"Tasks that ask for memory, beyond the lesson and the chapters: refusals, pictures, what a cue tells."
import re
from itertools import permutations

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from compressed_ad.tasks.family import FamilyError, make_task_family, reset_environment, step_and_reset
from compressed_ad.tasks.key_to_door import KEY, KeyToDoorFamily, KeyToDoorRules
from compressed_ad.tasks.memory import PassiveTMazeFamily, RepeatFirstFamily
from compressed_ad.tasks.moving import MovingDarkRoomFamily, MovingKeyToDoorFamily
from compressed_ad.tasks.pair_recall import PairRecallFamily
from compressed_ad.tasks.permuted_dark_room import PermutedDarkRoomFamily

# registered name: class and arguments of a small one
FAMILIES = {
    "PassiveTMaze": (PassiveTMazeFamily, {"corridors": [3]}),
    "RepeatFirst": (RepeatFirstFamily, {}),
    "KeyToDoor": (KeyToDoorFamily, {"size": 4}),
    "PermutedDarkRoom": (PermutedDarkRoomFamily, {}),
    "PairRecall": (PairRecallFamily, {"pairs": [2, 3], "n_mappings": 9}),
    "MovingDarkRoom": (MovingDarkRoomFamily, {"size": 4}),
    "MovingKeyToDoor": (MovingKeyToDoorFamily, {"size": 4, "charge_resets": True})}


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
     "n_held_out_permutations = 0: must be from 1 to 119"),
    (PairRecallFamily, dict(pairs=[]), "pairs = []: must be whole numbers, from 1 to n_keys = 16 each"),
    (PairRecallFamily, dict(pairs=[4, 17]), "pairs = [4, 17]: must be whole numbers, from 1 to n_keys = 16"),
    (PairRecallFamily, dict(n_distractors=-1), "n_distractors = -1: must be a whole number, at least 0"),
    (PairRecallFamily, dict(n_symbols=1), "n_symbols = 1: must be a whole number, at least 2"),
    (PairRecallFamily, dict(n_symbols=16), "n_symbols = 16: so many symbols for 16 pairs make more mappings"),
    (MovingDarkRoomFamily, dict(change_every=0), "change_every = 0: must be one number of calls"),
    (MovingDarkRoomFamily, dict(change_every=[9, 8]), "change_every = [9, 8]: must be one number of calls"),
    (MovingDarkRoomFamily, dict(change_every=[9]), "change_every = [9]: must be one number of calls"),
    (MovingKeyToDoorFamily, dict(n_held_out_layouts=1), "n_held_out_layouts = 1: must be from 2 to 249982"),
    (MovingDarkRoomFamily, dict(n_held_out_layouts=80), "n_held_out_layouts = 80: must be from 2 to 79")])
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


def test_mappings_are_all_there_are_or_drawn_without_repetition():
    family = PairRecallFamily(pairs=[2, 16], n_symbols=3, n_mappings=50, n_distractors=1)
    assert family.n_tasks == 9 + 50 and family.horizons(np.array([0, 58])).tolist() == [5, 33]
    few = family.symbols[:9, :2]
    assert sorted(map(tuple, few.tolist())) == [(a, b) for a in range(3) for b in range(3)]
    assert len(np.unique(family.symbols[9:], axis=0)) == 50
    assert (PairRecallFamily(pairs=[2, 16], n_symbols=3, n_mappings=50).symbols == family.symbols).all()


def episodes_of(family, tasks, n_episodes, seed=0):
    "What is seen in whole episodes of equal length, (n_episodes, length, n, 3)."
    environment = family.vector(tasks)
    length = int(family.lengths[tasks[0]])
    seen = [reset_environment(environment, seed)]
    for _ in range(n_episodes * length - 1):
        seen.append(step_and_reset(environment, np.zeros(len(tasks), int))[4])
    return np.array(seen).reshape(n_episodes, length, len(tasks), 3)


@pytest.mark.parametrize("shown_once", [False, True])
def test_an_episode_of_pair_recall_shows_each_pair_once_and_asks_for_each_key(shown_once):
    family = PairRecallFamily(pairs=[3], n_distractors=4, n_symbols=5, n_keys=7, shown_once=shown_once)
    tasks = np.arange(100)
    seen = episodes_of(family, tasks, 3)
    for number, episode in enumerate(seen):
        for task in tasks:
            phase, key, symbol = episode[:, task].T
            shown = phase == family.PAIR
            has_pairs = number == 0 or not shown_once
            assert sorted(key[shown]) == ([0, 1, 2] if has_pairs else [])
            assert (symbol[shown] == family.symbols[task, key[shown]]).all()
            assert (phase[:7] != family.QUESTION).all() and (phase[7:] == family.QUESTION).all()
            assert sorted(key[7:]) == [0, 1, 2] and (symbol[7:] == 0).all()
    first = seen[0]
    shown = first[..., 0] == family.PAIR
    assert np.abs(shown[:7].mean(1) - 3 / 7).max() < 0.2  # any place is as good as another
    other = first[..., 0] == family.BETWEEN
    assert np.abs(np.bincount(first[other][:, 1], minlength=7) / other.sum() - 1 / 7).max() < 0.06
    assert {tuple(keys) for keys in first[7:, :, 1].T} == set(permutations(range(3)))


def test_pair_recall_rules_out_what_brute_force_rules_out():
    family = PairRecallFamily(pairs=[3], n_distractors=2, n_symbols=3, n_keys=4)
    truth = 14
    script = family.make(truth)
    script.reset(seed=0)
    possible = [np.ones((1, 3), bool) for _ in family.factors]
    alike = np.ones(27, bool)
    for now in script.state["script"][0, :-1]:
        phase, key, symbol = now
        if phase == family.PAIR:  # all tasks that would have shown the same
            alike &= family.symbols[:, key] == symbol
        family.eliminate(possible, now[None], None, None, None)
        left = np.logical_and.reduce([possible[key][0, family.symbols[:, key]] for key in range(3)])
        assert (left == alike).all()
    assert np.flatnonzero(alike).tolist() == [truth]


def test_rewards_of_pair_recall_are_right_answers():
    family = PairRecallFamily(pairs=[2, 5], n_symbols=4, n_mappings=16, n_distractors=3)
    tasks = np.arange(family.n_tasks)
    environment = family.vector(tasks)
    seen = reset_environment(environment, 0)
    paid = np.zeros(len(tasks))
    for actions in np.random.default_rng(1).integers(4, size=(13 * 7, len(tasks))):  # 13 episodes, or 7
        answers = family.symbols[tasks, np.minimum(seen[:, 1], 4)]
        wanted = (seen[:, 0] == family.QUESTION) & (actions == answers)
        _, rewards, _, _, seen = step_and_reset(environment, actions)
        assert (rewards == wanted).all()
        paid += rewards
    best = family.oracle_reward_rate(tasks) * 13 * 7
    assert np.isclose(best[0], 26) and np.isclose(best[-1], 35)
    assert abs(paid.sum() / best.sum() - 1 / 4) < 0.05  # chance
