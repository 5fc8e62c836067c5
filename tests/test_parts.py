"A part of one's own, in a file beside the configuration: the commands, as programs, find it and use it."
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
COMMANDS = Path(sys.executable).parent
SMALL = dict(
    task_family_arguments={"size": 5, "horizon": 10}, n_held_out_tasks=4, n_streams=10, history_steps=90,
    n_latent=4, decoder_max_seq_length=15, tf_n_embd=16, tf_n_layer=2, tf_n_head=2, encoder_n_layer=1,
    encoder_n_head=2, min_compression_depth=1, max_compression_depth=6, min_compress_length=1,
    max_compress_length=11, min_uncompressed_length=3, max_uncompressed_length=10, plans_per_batch=2,
    train_batch_size=8, train_timesteps=4, warmup_steps=2, log_every=2, evaluation_streams=2,
    evaluation_episodes=12, record_entropies=False, device="cpu")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    "A folder with the file that the chapter *Add your own part* writes."
    chapter = ROOT / "nbs" / "reference" / "add_your_own_part.ipynb"
    cells = json.loads(chapter.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    folder = tmp_path_factory.mktemp("mine")
    exec(next(source for source in sources if source.startswith('PARTS = """')), {"place": folder})
    return folder


def command(name: str, *arguments: object, folder: Path) -> subprocess.CompletedProcess:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONSAFEPATH", None)
    return subprocess.run([COMMANDS / f"cad-{name}", *map(str, arguments)], cwd=folder, env=environment,
                          capture_output=True, text=True, timeout=300)


def configuration(place: Path, name: str, **changes: object) -> Path:
    path = place / f"{name}.yaml"
    path.write_text(yaml.safe_dump(SMALL | {"run_folder": str(place / name)} | changes), encoding="utf-8")
    return path


def test_all_four_kinds_at_once_from_another_working_directory(place, tmp_path):
    parts = {"task_family": "my_parts:Arms", "task_family_arguments": {"n_offsets": 5},
             "source": "my_parts:WinStay", "compressor": "my_parts:Gated", "n_jobs": 2}
    path = configuration(place, "own", run_folder=str(tmp_path / "run"), **parts)
    done = command("train", "--config", path, "--quiet", folder=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    done = command("evaluate", tmp_path / "run", "--quiet", folder=tmp_path)
    assert done.returncode == 0 and "of the oracle's return" in done.stdout, done.stderr[-2000:]


def test_a_model_from_the_working_directory_named_on_the_command_line(place):
    packaged = ["--config", "gallery", "--run_folder", place / "lstm", "--model", "my_parts:LSTM"]
    small = ["--train_timesteps", 2, "--n_streams", 2, "--warmup_steps", 1, "--history_steps", 200,
             "--evaluate_every", 0, "--train_batch_size", 4]
    done = command("train", *packaged, *small, "--quiet", folder=place)
    assert done.returncode == 0 and "trained 2 updates" in done.stdout, done.stderr[-2000:]


@pytest.mark.parametrize("text, said", [
    ("import no_such_library", "importing broken failed: No module named 'no_such_library'"),
    ("raise ImportError('too old')", "importing broken failed: ImportError: too old"),
    ("Family = 3", "must be a class derived from TaskFamily")])
def test_what_is_wrong_with_a_file_of_ones_own_is_told(place, text, said):
    (place / "broken.py").write_text(text, encoding="utf-8")
    path = configuration(place, "refused", task_family="broken:Family", task_family_arguments={})
    done = command("train", "--config", path, "--quiet", folder=place)
    assert done.returncode in (1, 2) and said in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert not (place / "refused").exists()
