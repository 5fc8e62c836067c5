"Histories in files: what is refused at writing, what names them, what older files say."
import dataclasses

import numpy as np
import pytest

from compressed_ad import histories as rooms
from compressed_ad.histories import HistoryFileError, LearningHistories, check_values, collect
from compressed_ad.sources.posterior import PosteriorSampling
from compressed_ad.storage import load_histories, open_histories, save_histories, save_parts
from compressed_ad.tasks.dark_room import DarkRoomFamily

FAMILY = DarkRoomFamily(3, 4)


@pytest.fixture(scope="module")
def small() -> LearningHistories:
    return collect(FAMILY, PosteriorSampling(), np.arange(9), 2, 20, seed=0, progress=False, action_noise=0.2)


@pytest.mark.parametrize("name, cut, complaint", [
    ("rewards", (slice(None), slice(0, 19)), "rewards: not as many rows or steps as actions"),
    ("episode_ends", slice(0, 17), "episode_ends: not as many rows or steps as actions"),
    ("seeds", slice(0, 17), "seeds: not as many rows or steps as actions"),
    ("next_observations", (..., 0), "next_observations: not of the shape of observations")])
def test_arrays_that_do_not_fit_each_other_are_refused_at_saving(small, name, cut, complaint, tmp_path):
    uneven = dataclasses.replace(small, **{name: getattr(small, name)[cut]})
    with pytest.raises(HistoryFileError, match=complaint):
        save_histories(uneven, tmp_path / "uneven.h5")
    assert not list(tmp_path.iterdir())


def test_no_histories_at_all_are_refused_at_saving(small, tmp_path):
    names = small.array_names + rooms.LABELS
    none = dataclasses.replace(small, **{name: getattr(small, name)[:0] for name in names})
    with pytest.raises(HistoryFileError, match="has no histories"):
        save_histories(none, tmp_path / "none.h5")
    assert not list(tmp_path.iterdir())


def shortened(histories, n_steps):
    arrays = {name: getattr(histories, name)[:, :n_steps] for name in histories.array_names}
    return dataclasses.replace(histories, **arrays)


@pytest.mark.parametrize("change, complaint", [
    (lambda part: dataclasses.replace(part, intended_actions=None), "intended_actions of part 1"),
    (lambda part: dataclasses.replace(part, rewards=part.rewards.astype(np.float64)), "rewards of part 1"),
    (lambda part: shortened(part, 9), "steps, shape and type of part 0")])
def test_parts_that_do_not_fit_each_other_are_refused_at_saving(small, change, complaint, tmp_path):
    with pytest.raises(HistoryFileError, match=complaint):
        save_parts([small, change(small)], tmp_path / "parts.h5")
    assert not list(tmp_path.iterdir())


def test_checksum_is_the_same_in_memory_and_in_a_file_and_is_not_computed_again(small, tmp_path, monkeypatch):
    path = tmp_path / "small.h5"
    save_parts([small, small], path)
    twice = {name: np.concatenate([getattr(small, name)] * 2) for name in small.array_names + rooms.LABELS}
    in_memory = LearningHistories(**twice, about=small.about)
    loaded = load_histories(path)
    other = dataclasses.replace(loaded, seeds=loaded.seeds + 1)
    assert loaded.checksum == in_memory.checksum != other.checksum
    assert dataclasses.replace(loaded, about={}).checksum != loaded.checksum
    loaded = load_histories(path)
    monkeypatch.setattr(rooms.hashlib, "sha256", None)  # whoever computes one now, fails
    assert loaded.checksum == in_memory.checksum
    with open_histories(path, verify=False) as opened:
        assert opened.checksum == opened.in_memory().checksum == in_memory.checksum


def test_older_files_that_tell_the_number_of_actions_are_read_and_checked(small, tmp_path):
    about = {key: value for key, value in small.about.items() if key != "action_space"} | {"n_actions": 5}
    save_histories(dataclasses.replace(small, about=about), tmp_path / "old.h5")
    assert (load_histories(tmp_path / "old.h5").actions == small.actions).all()
    with pytest.raises(HistoryFileError, match=r"must lie in Discrete\(4\)"):
        check_values(dataclasses.replace(small, about=about | {"n_actions": 4}))


def test_observations_outside_the_space_of_the_family_are_named(small):
    check_values(small, FAMILY)
    wrong = small.next_observations.copy()
    wrong[11, 7, 1] = 3
    with pytest.raises(HistoryFileError, match=r"next_observations of row 11, step 7 = \[\d, 3\]: must lie"):
        check_values(dataclasses.replace(small, next_observations=wrong), FAMILY)
