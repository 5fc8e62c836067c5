"What is said to be learned in so much time: one training after the other, with all cores."

from compressed_ad.config import read_config
from compressed_ad.studies import PRESETS, Entry, Measurement, Study

RETURNS = [Measurement("normalised_return", n_streams=8, n_episodes=50, block=10)]
DOORS = [Measurement("doors_per_500", window=500, n_episodes=8)]


def quick() -> Study:
    "Both models of the demonstration."
    entries = [
        Entry("DarkRoom", name, read_config(PRESETS[name], evaluate_every=0), RETURNS)
        for name in ("CompressedAD", "AD")
    ]
    return Study("quick", entries)


def default() -> Study:
    "The default configuration of the method: 100 tokens, of which 60 are latents."
    config = read_config("ad_compressed_dr", evaluate_every=0)
    return Study("default", [Entry("DarkRoom", "CompressedAD", config, RETURNS)])


def key_to_door() -> Study:
    "The model of lab 2."
    return Study("key_to_door", [Entry("KeyToDoor", "CompressedAD", read_config("lab_key_to_door"), DOORS)])


def default_key_to_door() -> Study:
    "The model of lab 2 with the 60 latents of the default configuration."
    config = read_config("lab_key_to_door")
    config = config.changed(n_latent=60, decoder_max_seq_length=config.max_recent_length + 61)
    return Study("default_key_to_door", [Entry("KeyToDoor", "CompressedAD", config, DOORS)])
