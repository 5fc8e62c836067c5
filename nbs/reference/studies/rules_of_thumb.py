"""Rules of thumb for the sizes of a memory, each measured: how deep an encoder, and how many latents.

6x6 Dark Room through a window of 32 tokens, with a decoder of four layers. Each size is trained with as many
updates as the standard (two encoder layers, eight latents), and, where an update takes longer, with as many
as take the same time. The runs hold out goals that no result is measured on.
"""
from compressed_ad.config import Config, read_config
from compressed_ad.studies import Entry, Measurement, Study

from thirty_seconds import LossLeft

ACTING = Measurement("normalised_return", n_streams=4, n_episodes=20, block=5)
WINDOW = 32
STEPS = 160  # that the deepest sample reaches, whatever the number of latents
UPDATES = 200
ENCODER_LAYERS = {4: 1.23, 6: 1.49}  # value: processor time of an update, in units of the standard's
LATENTS = {2: 0.96, 4: 0.98, 16: 1.14}


def sized(layers: int = 2, n_latent: int = 8, cost: float = 1.0) -> Config:
    "The standard with another encoder and memory, trained for as long as updates of that cost allow."
    recent = WINDOW - n_latent - 1
    return read_config(
        "ad_compressed_dr_quick", split_seed=3, task_family_arguments={"size": 6, "horizon": 12},
        history_steps=210, decoder_max_seq_length=WINDOW, n_latent=n_latent, keep_length=0, tf_n_embd=32,
        tf_n_layer=4, encoder_n_layer=layers, min_compression_depth=1, depth_growth_steps=0,
        max_compression_depth=round(STEPS / (recent + 1)), min_compress_length=2,
        max_compress_length=recent + 1, min_uncompressed_length=recent, max_uncompressed_length=recent,
        train_batch_size=16, train_timesteps=round(UPDATES / cost), evaluate_every=0, device="cpu")


def study() -> Study:
    "The standard, and what differs from it in one size."
    sizes = [({}, sized())]
    for layers, cost in ENCODER_LAYERS.items():
        sizes.append(({"encoder_layers": layers, "equal": "updates"}, sized(layers)))
        sizes.append(({"encoder_layers": layers, "equal": "time"}, sized(layers, cost=cost)))
    for n_latent, cost in LATENTS.items():
        sizes.append(({"latents": n_latent, "equal": "updates"}, sized(n_latent=n_latent)))
        if cost > 1:
            sizes.append(({"latents": n_latent, "equal": "time"}, sized(n_latent=n_latent, cost=cost)))
    entries = [Entry("DarkRoom", "CompressedAD", config, [ACTING, LossLeft()], setting)
               for setting, config in sizes]
    return Study("rules_of_thumb", entries)
