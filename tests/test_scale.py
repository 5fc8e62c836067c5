"What only a large machine needs, checked on a small one: compiled blocks, a file larger than memory."
import json
import shutil
import subprocess
import sys
import textwrap

import pytest
import torch
from torch._dynamo.utils import counters

from compressed_ad.config import make_config, read_config
from compressed_ad.recording import collect_for
from compressed_ad.storage import save_parts
from compressed_ad.trainer import Trainer

PRESETS = {"AD": "ad_dr_quick", "CompressedAD": "ad_compressed_dr_quick"}
SETTINGS = dict(
    task_family_arguments={"size": 5, "horizon": 10}, n_held_out_tasks=4, n_streams=20, history_steps=90,
    decoder_max_seq_length=15, n_latent=4, tf_n_embd=16, tf_n_layer=2, tf_n_head=2, encoder_n_layer=1,
    encoder_n_head=2, min_compression_depth=0, max_compression_depth=6, min_compress_length=2,
    max_compress_length=11, segment_lengths="random_first", min_uncompressed_length=10,
    max_uncompressed_length=10, plans_per_batch=2, train_batch_size=8, train_timesteps=150, lr=3e-3,
    warmup_steps=10, log_every=1)


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.parametrize("model, precision, tolerance",
                         [("CompressedAD", "fp32", 1e-4), ("AD", "bf16", 3e-2)])
def test_compiled_blocks_train_alike(model, precision, tolerance):
    """The laptop presets. Relative difference of the loss in each of eight steps: rounding, or more in bf16.

    Left to itself, torch gives up after eight kinds of call and runs the blocks as they are: here an error.
    """
    logs, graphs, names = [], [], []
    for compiled in (False, True):
        torch._dynamo.reset()
        counters.clear()
        config = read_config(PRESETS[model], compile=compiled, precision=precision, n_streams=4,
                             train_batch_size=8, log_every=1)
        trainer = Trainer(config, collect_for(config, progress=False), config.family)
        with torch._dynamo.config.patch(fail_on_recompile_limit_hit=True):
            logs.append(trainer.run(until=8, progress=False))
        graphs.append(counters["stats"]["unique_graphs"])
        names.append(sorted(trainer.model.state_dict()))
    assert graphs[0] == 0 and graphs[1] > 0 and names[0] == names[1]
    plain, compiled = (torch.tensor([line["loss"] for line in log]) for log in logs)
    assert (compiled / plain - 1).abs().max() < tolerance, (compiled / plain - 1).abs()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit that Linux knows")
def test_a_file_larger_than_memory_is_trained_on(tmp_path):
    "The process may allocate less than the file holds: it cannot load the file into memory, but train on it."
    config = make_config(SETTINGS)
    base = collect_for(config, progress=False)
    small, large = tmp_path / "small.h5", tmp_path / "large.h5"
    save_parts([base], small)
    save_parts([base] * round(1.5 * 2**30 / small.stat().st_size), large)
    program = textwrap.dedent("""
        import json, resource, sys
        import torch
        torch.set_num_threads(1)
        from compressed_ad.config import make_config
        from compressed_ad.storage import load_histories, open_histories
        from compressed_ad.trainer import Trainer
        config = make_config(json.loads(sys.argv[2]))
        resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30))
        try:
            load_histories(sys.argv[1])
        except MemoryError:
            print("does not fit", flush=True)
        with open_histories(sys.argv[1]) as histories:
            trainer = Trainer(config, histories, config.family)
            for _ in range(3):
                trainer.train_step()
        print("trained", trainer.step)
    """)
    command = [sys.executable, "-c", program, str(large), json.dumps(SETTINGS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.stdout.splitlines() == ["does not fit", "trained 3"], done.stdout + done.stderr[-2000:]
