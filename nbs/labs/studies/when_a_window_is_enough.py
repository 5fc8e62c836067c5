"""Lab 3: when is a window enough?

Three dark rooms, and windows of several lengths: `AD` against `CompressedAD` with the same window.
"""
from compressed_ad.comparisons import at_window, controls
from compressed_ad.config import read_config
from compressed_ad.studies import Entry, Measurement, Study

# task, its configuration, and what is measured; near and far goals apart (steps from the start)
ROOMS = {
    "DarkRoom": ("lab_dark_room", Measurement(
        "normalised_return", n_streams=8, n_episodes=50, block=10, trips=((1, 4), (5, 8)))),
    "PermutedDarkRoom": ("lab_permuted_dark_room", Measurement(
        "normalised_return", n_episodes=40, block=5, trips=((1, 4), (5, 8)))),
    "LargeDarkRoom": ("lab_large_dark_room", Measurement(
        "goals_per_1000", n_streams=4, window=250, n_episodes=12, trips=((1, 4), (5, 8), (9, 12), (13, 16))))}

# window: updates of CompressedAD and of AD, which take both about the same time, and the seeds (None: all)
WINDOWS = {
    "DarkRoom": {
        10: (300, 1010, None),
        20: (490, 1120, (0,)),
        40: (640, 1150, (0,))},
    "PermutedDarkRoom": {
        10: (330, 980, (0,)),
        20: (500, 945, None),
        40: (560, 960, (0,))},
    "LargeDarkRoom": {
        10: (615, 2765, None),
        16: (900, 2735, None),
        40: (1545, 2890, (0,))}}


def study() -> Study:
    "Both models in each room, at each of its windows, and the yardsticks of the room."
    entries = []
    for task, (name, measured) in ROOMS.items():
        config = read_config(name)
        for window, (compressed, plain, seeds) in WINDOWS[task].items():
            both = controls(at_window(config, window))
            for model, updates in (("CompressedAD", compressed), ("AD", plain)):
                changed = both[model].changed(train_timesteps=updates)
                entries.append(Entry(task, model, changed, [measured], {"window": window}, seeds))
        entries += [Entry(task, yardstick, config, [measured]) for yardstick in ("source", "oracle")]
    return Study("when_a_window_is_enough", entries)
