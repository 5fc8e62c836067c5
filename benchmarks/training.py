"Action targets per second in training, and the share of the machine's own matrix speed that this is."

import torch
from torch.utils.flop_counter import FlopCounterMode

from common import in_turn, spread, write
from compressed_ad.config import read_config
from compressed_ad.histories import collect
from compressed_ad.sources.posterior import PosteriorSampling
from compressed_ad.studies import PRESETS
from compressed_ad.tasks.dark_room import DarkRoomFamily
from compressed_ad.training import Trainer

family = DarkRoomFamily()
histories = collect(family, PosteriorSampling(), family.split(8).train, 8, 400, 0, progress=False)
# the shape that the targets are stated for: width 64, four decoder layers; here with a window of 60 tokens
shape = dict(tf_n_embd=64, tf_n_layer=4, tf_n_head=4, decoder_max_seq_length=60, log_every=10**6)
compressed = shape | dict(
    n_latent=8,
    encoder_n_layer=2,
    encoder_n_head=4,
    keep_length=0,
    min_compression_depth=4,
    max_compression_depth=4,
    min_compress_length=52,
    max_compress_length=52,
    min_uncompressed_length=51,
    max_uncompressed_length=51,
    history_steps=400,
    plans_per_batch=1,
    train_batch_size=16,
)
trainers = {
    "AD": Trainer(read_config("ad_dr_quick", **shape, train_batch_size=32), histories, family),
    "CompressedAD": Trainer(read_config("ad_compressed_dr_quick", **compressed), histories, family),
}
for name in ("CompressedAD", "AD"):
    trainers[f"{name}, laptop preset"] = Trainer(
        read_config(PRESETS[name], log_every=10**6), histories, family
    )

square = torch.randn(2048, 2048)
seconds = in_turn(
    {"matmul": lambda: square @ square} | {name: trainer.train_step for name, trainer in trainers.items()},
    rounds=15,
    warm_up=3,
)
peak = [2 * 2048**3 / s for s in seconds["matmul"]]
result = {"matmul_peak_flops": spread(peak)}
for name, trainer in trainers.items():
    targets = trainer.tally.sums[0].sum().item() / trainer.step
    with FlopCounterMode(display=False) as counter:
        trainer.train_step()
    flops = counter.get_total_flops()
    result[name] = {
        "configuration": trainer.config.model_dump(mode="json"),
        "targets_per_step": targets,
        "seconds_per_step": spread(seconds[name]),
        "targets_per_second": spread([targets / s for s in seconds[name]]),
        "share_of_matmul_peak": spread([flops / s / p for s, p in zip(seconds[name], peak)]),
    }
write("training", result)
