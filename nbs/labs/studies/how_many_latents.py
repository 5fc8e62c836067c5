"""Lab 4: which settings of a memory matter?

The task of lab 2 with 800 of its 1,400 updates, and one setting changed at a time. All trainings take about
the same time, and are done with seed 0. The first entry has nothing changed. Its model is also measured with
the literal keep rule: as many transitions are kept as fit beside the latents. Then every step compresses one.
"""
from compressed_ad.config import read_config
from compressed_ad.studies import Entry, Measurement, Study

# value: updates in the time that the standard takes for 800
LATENTS = {1: 920, 2: 800, 4: 880, 16: 700, 60: 380}
ENCODER_LAYERS = {1: 1080, 3: 720, 6: 540}
DEPTH = {1: 2700, 2: 1980, 3: 1440, 6: 1020}  # most compressions in training


def study() -> Study:
    "The standard, and what differs from it in one setting."
    standard = read_config("lab_key_to_door").changed(depth_growth_steps=240, train_timesteps=800)
    room = standard.max_recent_length
    doors = Measurement("doors_per_500", window=500, n_episodes=4)
    literal = Measurement("doors_per_500", {"kept": room}, window=500, n_episodes=2, keep_length=room)
    entries = [Entry("KeyToDoor", "CompressedAD", standard, [doors, literal], seeds=(0,))]

    def add(setting, updates, **changes):
        config = standard.changed(train_timesteps=updates, **changes)
        entries.append(Entry("KeyToDoor", "CompressedAD", config, [doors], setting, seeds=(0,)))

    for n, updates in LATENTS.items():
        add({"latents": n}, updates, n_latent=n, decoder_max_seq_length=room + n + 1)
    for n, updates in ENCODER_LAYERS.items():
        add({"encoder_layers": n}, updates, encoder_n_layer=n)
    for n, updates in DEPTH.items():
        add({"depth": n}, updates, max_compression_depth=n, min_compression_depth=min(n, 3))
    add({"segments": "random"}, 940, segment_lengths="random")
    add({"segments": "fixed"}, 780, min_compress_length=room + 1)
    add({"kept": 8}, 780, keep_length=8, max_compress_length=room + 1 - 8, max_compression_depth=10)
    return Study("how_many_latents", entries)
