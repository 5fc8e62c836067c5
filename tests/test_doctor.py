"""The doctor: runs broken on purpose are recognised, healthy ones are not accused, figures are what they say.

The patients are those of nbs/reference/studies/patients.py; each trains in seconds.
"""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from compressed_ad import doctor
from compressed_ad.batches import Batches
from compressed_ad.cli import cad_doctor
from compressed_ad.config import read_config
from compressed_ad.doctor import Finding, Patient, examine
from compressed_ad.registry import see
from compressed_ad.runs import RunFolder, read_run
from compressed_ad.training import Tally

STUDIES = Path(__file__).parent.parent / "nbs" / "reference" / "studies"
see(STUDIES)
import patients  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def maze(tmp_path_factory) -> RunFolder:
    return patients.trained(patients.HEALTHY["maze"], tmp_path_factory.mktemp("healthy") / "maze")


def accused(found: list[Finding]) -> list[str]:
    return [finding.name for finding in found if finding.verdict != "fine"]


@pytest.mark.parametrize("name", patients.CONFIGURED)
def test_what_is_wrong_is_seen_before_training(name):
    config, expected = patients.CONFIGURED[name]
    found = examine(config)
    assert expected in accused(found)
    assert all(bool(finding.change) == (finding.verdict != "fine") for finding in found)


@pytest.mark.parametrize("name", patients.TRAINED)
def test_a_broken_run_is_recognised(name, tmp_path):
    config, expected = patients.TRAINED[name]
    assert expected in accused(examine(patients.trained(config, tmp_path / "run")))


@pytest.mark.parametrize("name", [name for name in patients.HEALTHY if name != "maze"])
def test_a_healthy_run_is_not_accused(name, tmp_path):
    found = examine(patients.trained(patients.HEALTHY[name], tmp_path / "run"))
    assert not accused(found), "\n".join(map(str, found))


@pytest.mark.parametrize("name", patients.SHIPPED)
def test_models_of_the_package_are_not_accused(name, tmp_path):
    found = examine(patients.shipped(name, tmp_path / "run"))
    assert not accused(found), "\n".join(map(str, found))


@pytest.mark.parametrize("name", ["ad_compressed_dr_quick", "lab_key_to_door"])
def test_presets_are_not_accused(name):
    assert not accused(examine(read_config(name, device="cpu")))


def test_the_command_says_it_as_a_table_and_as_json(maze, tmp_path, capsys):
    path = tmp_path / "findings.json"
    assert cad_doctor([str(maze.folder), "--quiet", "--json", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = json.loads(path.read_text(encoding="utf-8"))
    heads = [line.split(": ")[0].split(maxsplit=1) for line in lines]
    assert heads == [[one["verdict"], one["name"]] for one in told]
    assert {one["verdict"] for one in told} == {"fine"} and not any(one["change"] for one in told)
    old = tmp_path / "old"
    RunFolder(patients.CONFIGURED["other lengths in acting"][0], old).claim()
    assert cad_doctor([str(old), "--quiet"]) == 0  # what it finds is no failure of its own
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("wrong") and "segment lengths" in said[0]
    assert "max_compress_length: 12" in said[1]
    assert not list(old.glob("*.h5"))
    assert cad_doctor([str(tmp_path / "nothing")]) == 2
    assert "nothing" in capsys.readouterr().err


def test_a_loss_below_what_anybody_can_know_is_wrong(maze):
    patient = Patient(maze)
    _, latents = patient.own
    depths = torch.zeros(5, dtype=torch.long)
    entropies = torch.full((3, 5), 0.9)
    leak = Tally(6)
    leak.add(depths, torch.full((3, 5), 0.8), torch.ones(3, 5), entropies)
    patient.own = leak, latents
    finding = doctor.check_loss(patient)
    assert finding.verdict == "wrong" and "gives targets away" in finding.change
    assert finding.measured["loss"] == pytest.approx(0.8)
    assert finding.measured["source's entropy"] == pytest.approx(0.9)


def test_the_share_that_is_left_follows_from_three_losses(maze):
    found = doctor.check_loss(Patient(maze)).measured
    losses = [maze_loss(model, maze) for model in (Patient(maze).model, Patient(maze).untrained())]
    assert found["loss"] == pytest.approx(losses[0], rel=1e-4)
    assert found["untrained"] == pytest.approx(losses[1], rel=1e-4)
    assert found["share left"] == pytest.approx(losses[0] / losses[1], rel=1e-3)  # the maze's entropy is zero


def maze_loss(model, run) -> float:
    "The mean loss of all targets, plan by plan, with the model's forward pass."
    patient = Patient(run)
    config = run.config.changed(train_batch_size=128, plans_per_batch=4)
    losses = []
    with torch.no_grad():
        for part in Batches(patient.histories, config)[config.train_timesteps]:
            predicted = model(part.transitions, part.observations, part.plan.segments)
            probabilities = predicted.logits.softmax(-1)
            chosen = part.actions[:, predicted.steps, None]
            losses.append(-probabilities.gather(-1, chosen).log().flatten())
    return float(torch.cat(losses).mean())


def test_cosines_of_latents_are_those_of_all_pairs(maze):
    patient = Patient(maze)
    latents = max(patient.own[1], key=len)[-1].numpy()
    cosines = []
    for memory in latents:
        for one in range(4):
            for other in range(one):
                lengths = np.linalg.norm(memory[one]) * np.linalg.norm(memory[other])
                cosines.append(memory[one] @ memory[other] / lengths)
    found = doctor.check_latents(patient).measured["mean cosine of two"]
    assert found == pytest.approx(np.mean(cosines), abs=1e-5)


def test_examining_leaves_run_and_model_as_they_were(maze):
    before = {path: path.stat().st_mtime_ns for path in maze.folder.rglob("*") if path.is_file()}
    patient = Patient(read_run(maze.folder))
    first = patient.read(patient.histories)[0].means()
    doctor.check_memory(patient)
    assert patient.read(patient.histories)[0].means() == first
    assert {path: path.stat().st_mtime_ns for path in maze.folder.rglob("*") if path.is_file()} == before


MEASURE = """
import torch
from pathlib import Path
from compressed_ad.doctor import Patient, _needed, GB
from compressed_ad.trainer import Learner
import patients

def told(key):
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 / GB for line in lines if line.startswith(key))

torch.set_num_threads(1)
config = patients.maze(train_batch_size=1024, min_compression_depth=5, min_compress_length=12,
                       min_uncompressed_length=11)
patient = Patient(config)
predicted = _needed(patient, 1e9)
learner = Learner(config, patient.histories, config.family)
before = told("VmRSS")
Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # forget the highest so far
learner.train_step()
print(predicted, told("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_predicted_memory_is_what_an_update_takes():
    command = [sys.executable, "-c", MEASURE]
    done = subprocess.run(command, cwd=STUDIES, capture_output=True, text=True, check=True)
    predicted, taken = map(float, done.stdout.split())
    assert 0.7 < taken / predicted < 1.6, (predicted, taken)
