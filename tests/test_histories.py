"Histories in files: what is refused at writing and reading, what names them, what older files say."
import dataclasses

import h5py
import numpy as np
import pytest
from filelock import FileLock

from compressed_ad import storage
from compressed_ad.histories import LABELS, LearningHistories
from compressed_ad.recording import HistoryFileError, Recording, check_values, collect
from compressed_ad.sources.posterior import PosteriorSampling
from compressed_ad.storage import (
    checksum_of, collect_to_file, load_histories, open_histories, save_histories, save_parts)
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
    names = small.array_names + LABELS
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
    twice = {name: np.concatenate([getattr(small, name)] * 2) for name in small.array_names + LABELS}
    in_memory = LearningHistories(**twice, about=small.about)
    loaded = load_histories(path)
    other = dataclasses.replace(loaded, seeds=loaded.seeds + 1)
    assert checksum_of(loaded) == checksum_of(in_memory) != checksum_of(other)
    assert checksum_of(dataclasses.replace(loaded, about={})) != checksum_of(loaded)
    loaded = load_histories(path)
    monkeypatch.setattr(storage.hashlib, "sha256", None)  # whoever computes one now, fails
    assert checksum_of(loaded) == checksum_of(in_memory)
    with open_histories(path, verify=False) as opened:
        assert checksum_of(opened) == checksum_of(in_memory)


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


def changed(change):
    "A change of a file through HDF5."
    def through_hdf5(path):
        with h5py.File(path, "r+") as file:
            change(file)
    return through_hdf5


def add_one(file):
    file["rewards"][4, 11] += 1


def flip_a_bit(path):
    raw = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        raw[file["rewards"].id.get_offset() + 3] ^= 1
    path.write_bytes(raw)


MISMATCH = "it.h5: its contents do not match its checksum; record the histories again"
NO_HDF5 = r"it.h5: cannot be read as HDF5 \(missing, truncated or another format\)"


@pytest.mark.parametrize("change, complaint", [
    (changed(add_one), MISMATCH),
    (flip_a_bit, MISMATCH),
    (changed(lambda file: file.attrs.update(about='{"task_family": "Other"}')), MISMATCH),
    (lambda path: path.unlink(), NO_HDF5),
    (lambda path: path.write_bytes(path.read_bytes()[:-500]), NO_HDF5),
    (lambda path: path.write_text("no HDF5 at all", encoding="utf-8"), NO_HDF5),
    (changed(lambda file: file.attrs.pop("format")), "an HDF5 file, but not one of learning histories"),
    (changed(lambda file: file.attrs.update(schema_version=2)), "schema version 2, this package reads"),
    (changed(lambda file: file.attrs.update(schema_version="new")), "it.h5: damaged: "),
    (changed(lambda file: file.attrs.update(about="[]")), "it.h5: damaged: its description is no mapping"),
    (changed(lambda file: file.pop("actions")), "it.h5: damaged: .*'actions'")])
def test_a_file_that_was_altered_says_so(small, change, complaint, tmp_path):
    path = tmp_path / "it.h5"
    save_histories(small, path)
    change(path)
    with pytest.raises(HistoryFileError, match=complaint):
        load_histories(path)


def shorten(file):
    values = file["rewards"][:-1]
    del file["rewards"]
    file["rewards"] = values


@pytest.mark.parametrize("change, complaint", [
    (lambda file: file.attrs.update(about="{"), "it.h5: damaged: "),
    (shorten, "it.h5: rewards: not as many rows or steps as actions")])
def test_what_does_not_fit_is_seen_without_verifying(small, change, complaint, tmp_path):
    path = tmp_path / "it.h5"
    save_histories(small, path)
    changed(change)(path)
    with pytest.raises(HistoryFileError, match=complaint), open_histories(path, verify=False):
        pass


def test_without_verifying_an_altered_value_goes_unnoticed(small, tmp_path):
    save_histories(small, tmp_path / "it.h5")
    changed(add_one)(tmp_path / "it.h5")
    with open_histories(tmp_path / "it.h5", verify=False) as opened:
        assert (opened.rewards != small.rewards).sum() == 1


def test_a_value_that_cannot_be_is_refused_even_if_the_checksum_is_right(small, tmp_path):
    path = tmp_path / "it.h5"
    save_histories(small, path)
    changed(lambda file: file["rewards"].__setitem__((4, 11), np.inf))(path)
    with open_histories(path, verify=False) as careless:
        right = checksum_of(dataclasses.replace(careless))
    changed(lambda file: file.attrs.update(checksum=right))(path)
    with pytest.raises(HistoryFileError, match="rewards of row 4, step 11 = inf: must be a finite number"):
        load_histories(path)


def test_what_is_read_is_what_was_written(small, tmp_path):
    save_histories(small, tmp_path / "new folder" / "it.h5")
    back = load_histories(tmp_path / "new folder" / "it.h5")
    assert back.array_names == small.array_names and back.entropies is None and back.about == small.about
    for name in small.array_names + LABELS:
        read, written = getattr(back, name), getattr(small, name)
        assert (read == written).all() and read.dtype == written.dtype, name
        assert not isinstance(read, np.memmap), name


def test_a_write_that_fails_leaves_the_old_file(small, tmp_path):
    path = tmp_path / "it.h5"
    save_histories(small, path)
    before = path.read_bytes()
    broken = dataclasses.replace(small, seeds=np.array([object()] * 18))  # HDF5 refuses, after other arrays
    for target in (path, tmp_path / "new.h5"):
        with pytest.raises(TypeError):
            save_histories(broken, target)
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == ["it.h5"]


class Failing(PosteriorSampling):
    "A source that fails, once, when it is started for the second time."
    started = 0

    def start(self, *arguments, **named):
        Failing.started += 1
        if Failing.started == 2:
            raise KeyboardInterrupt
        super().start(*arguments, **named)


def test_an_interrupted_recording_goes_on_and_is_the_same(tmp_path):
    path = tmp_path / "large.h5"
    tasks = np.array([5, 2, 7])
    recording = Recording(FAMILY, Failing(), tasks, 1500, 4, 0, about={"source": "PosteriorSampling"})
    assert recording.n_blocks == 3
    with pytest.raises(KeyboardInterrupt):
        collect_to_file(recording, path, progress=False)
    assert [file.name for file in tmp_path.rglob("0*.h5")] == ["000000.h5"]
    collect_to_file(recording, path, progress=False)
    assert Failing.started == 4  # the first block was not recorded again
    with FileLock(tmp_path / ".large.h5.lock"), pytest.raises(HistoryFileError, match="by another process"):
        collect_to_file(recording, path, progress=False)
    wanted = collect(FAMILY, PosteriorSampling(), tasks, 1500, n_steps=4, seed=0, progress=False)
    assert checksum_of(load_histories(path)) == checksum_of(wanted)
    assert not (tmp_path / "large.h5.parts").exists()
