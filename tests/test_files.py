"Files on other systems: Windows, which syncs only what is open for writing; encodings other than UTF-8."
import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from compressed_ad.files import (
    CompressedADError, atomic_path, finite_or_none, read_json, write_json, write_text)

ROOT = Path(__file__).parent.parent
ACCENTS = "Zürich, 1–2 µs, ≤ 0.5, 東京"


@pytest.fixture
def windows(monkeypatch):
    "Windows brings to the disk only what was opened for writing, and replaces no file that is still open."
    real_sync = os.fsync
    real_replace = os.replace

    def sync(descriptor: int) -> None:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        real_sync(descriptor)

    def replace(source, target) -> None:
        for number in os.listdir("/proc/self/fd"):
            link = f"/proc/self/fd/{number}"
            if os.path.exists(link) and os.path.realpath(link) in (str(source), str(target)):
                raise PermissionError(errno.EACCES, "The process cannot access the file", str(source))
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the simulation needs /proc")


@needs_proc
def test_windows_can_be_simulated(windows, tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"a")
    with open(path, "rb") as file, pytest.raises(OSError, match="Bad file descriptor"):
        os.fsync(file.fileno())
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
        with pytest.raises(PermissionError):
            os.replace(path, tmp_path / "b")
    os.replace(path, tmp_path / "b")


@needs_proc
def test_files_are_written_on_windows(windows, tmp_path):
    path = tmp_path / "new folder" / "it.json"
    for value in (1.5, 2.5):  # the second time it replaces
        write_json(path, {"a": value})
        assert read_json(path) == {"a": value}
    with atomic_path(tmp_path / "raw") as temporary:
        temporary.write_bytes(b"1234")
    assert (tmp_path / "raw").read_bytes() == b"1234"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["it.json", "new folder", "raw"]


@needs_proc
def test_checkpoints_and_histories_are_written_on_windows(windows, tmp_path):
    import torch

    from compressed_ad.checkpoints import load_checkpoint, save_checkpoint
    from compressed_ad.config import make_config
    from compressed_ad.recording import collect_for
    from compressed_ad.storage import load_histories, save_histories

    save_checkpoint(tmp_path / "a.safetensors", {"model.x": torch.ones(2)}, step=3)
    assert load_checkpoint(tmp_path / "a.safetensors")[1]["step"] == 3
    small = {"size": 4, "horizon": 8}
    config = make_config({"task_family_arguments": small, "history_steps": 200, "n_streams": 2})
    histories = collect_for(config)
    save_histories(histories, tmp_path / "h.h5")
    assert (load_histories(tmp_path / "h.h5").actions == histories.actions).all()


def test_a_file_that_fails_to_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "it.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert [left.name for left in tmp_path.iterdir()] == ["it.txt"]


def test_text_is_utf_8_wherever_it_is_written(tmp_path):
    write_text(tmp_path / "a.txt", f"{ACCENTS}\n")
    assert (tmp_path / "a.txt").read_bytes() == f"{ACCENTS}\n".encode("utf-8")  # nor is a line end changed
    write_json(tmp_path / "a.json", {"place": ACCENTS})
    assert read_json(tmp_path / "a.json") == {"place": ACCENTS}


def test_json_never_holds_what_is_not_a_number(tmp_path):
    path = tmp_path / "a.json"
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError):
            write_json(path, {"a": value})
        assert finite_or_none(value) is None
    assert not path.exists()


def test_a_damaged_or_missing_json_is_named(tmp_path):
    path = tmp_path / "a.json"
    with pytest.raises(CompressedADError, match="a.json: no such file"):
        read_json(path)
    for contents in (b"{", "{\"a\": \"é\"}".encode("latin-1")):
        path.write_bytes(contents)
        with pytest.raises(CompressedADError, match="a.json: damaged"):
            read_json(path)


def python(program: str, folder: Path, *options: str, **variables: str) -> subprocess.CompletedProcess:
    "Run a program in a new interpreter, in `folder`."
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"} | variables
    command = [sys.executable, *options, "-c", program]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


# A text file that the package opens without naming its encoding raises. Other packages may do as they like.
STRICT = """
import warnings
warnings.filterwarnings("error", category=EncodingWarning, module=r"compressed_ad($|\\.)")
"""
RUN = """
task_family_arguments: {size: 4, horizon: 8}   # é
n_held_out_tasks: 4
n_streams: 8
history_steps: 120
decoder_max_seq_length: 15
n_latent: 4
tf_n_embd: 16
tf_n_layer: 1
tf_n_head: 2
encoder_n_layer: 1
encoder_n_head: 2
max_compression_depth: 2
min_compress_length: 2
max_compress_length: 11
min_uncompressed_length: 2
max_uncompressed_length: 10
plans_per_batch: 2
train_batch_size: 8
train_timesteps: 4
warmup_steps: 1
log_every: 2
checkpoint_every: 2
evaluation_streams: 2
evaluation_episodes: 12
device: cpu
"""
WITH_THE_PACKAGE = """
from compressed_ad.config import packaged_configs, read_config
from compressed_ad.files import write_text
from compressed_ad.insight.rollout import packaged_model
from compressed_ad.insight.views import views_page
from compressed_ad.lesson import read_record
for name in packaged_configs():
    read_config(name)
read_record("foundation")
packaged_model("gallery")
write_text("page.html", views_page([], "Z\\u00fcrich"))
"""
COMMANDS = """
from compressed_ad import cli
for command in ("collect", "train", "evaluate"):
    code = getattr(cli, f"cad_{command}")(["--config", "mine.yaml", "--run_folder", "runs/a"])
    assert not code, command
assert not cli.cad_report(["runs/a", "--output", "report.html"])
"""
# where open() by itself would write ASCII
LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_the_simulated_system_has_another_encoding(tmp_path):
    program = "import locale; print(locale.getpreferredencoding(False))"
    told = python(program, tmp_path, **LOCALE).stdout.strip()
    assert told not in ("", "UTF-8")


def test_what_comes_with_the_package_is_read_in_utf_8_everywhere(tmp_path):
    (tmp_path / "results").symlink_to(ROOT / "results")
    done = python(STRICT + WITH_THE_PACKAGE, tmp_path, "-X", "warn_default_encoding", **LOCALE)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_run_is_written_and_read_in_utf_8_everywhere(tmp_path):
    (tmp_path / "mine.yaml").write_text(RUN, encoding="utf-8")
    done = python(STRICT + COMMANDS, tmp_path, "-X", "warn_default_encoding", **LOCALE)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "</html>" in (tmp_path / "report.html").read_text(encoding="utf-8")
