"What is said to be learned in half a minute: one training after the other, with all cores."

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


def key_to_door() -> Study:
    "The model of lab 2."
    return Study("key_to_door", [Entry("KeyToDoor", "CompressedAD", read_config("lab_key_to_door"), DOORS)])
