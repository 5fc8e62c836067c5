"""Lab 1: how far back does a memory reach?

Every model is trained on short T-Mazes, and asked about long ones; the same with the delays of Repeat First.
None of the lengths that are tested is trained. All train for about the same time; `GRU` is there once more,
trained longer. Then the maze again, for `CompressedAD` trained up to other lengths than 63.
"""
from compressed_ad.comparisons import controls
from compressed_ad.config import read_config
from compressed_ad.studies import Entry, Measurement, Study

CORRIDORS = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
FARTHEST = 65536  # for CompressedAD alone
DELAYS = (16, 51, 415, 831)
TRAINED_TO = (7, 15, 31, 127)  # longest corridor in training

# With these updates each model trains about as long as `CompressedAD`, measured on the reference machine. A
# GRU has no blocks, so AdamW trains all of it; it is limited by the length of a history, not by the batch.
OF_MAZE = {
    "memory_cleared": {"train_timesteps": 225},
    "AD": {"train_timesteps": 240},
    "AD_equal_bytes": {"train_timesteps": 250},
    "AD_full_context": {"train_timesteps": 155},
    "GRU": {"train_timesteps": 140, "train_batch_size": 32, "lr": 5e-3}}
OF_SYMBOLS = {
    "memory_cleared": {"train_timesteps": 625},
    "AD": {"train_timesteps": 745},
    "AD_equal_bytes": {"train_timesteps": 705},
    "AD_full_context": {"train_timesteps": 430},
    "GRU": {"train_timesteps": 335, "train_batch_size": 32, "lr": 5e-3}}
LONGER = 4  # times, for a GRU


def in_mazes(corridors):
    "Success in both mazes of each length."
    return [Measurement("success", {"corridor": n}, {"corridors": [n]}, greedy=True) for n in corridors]


def longer(task, config, measured):
    "A `GRU` with more updates."
    updates = LONGER * config.train_timesteps
    return Entry(task, "GRU", config.changed(train_timesteps=updates), measured, {"times_as_long": LONGER})


def study() -> Study:
    "All models and yardsticks on both tasks."
    maze = read_config("lab_t_maze")
    symbols = read_config("lab_repeat_first")
    walked = in_mazes(CORRIDORS)
    entries = []
    in_maze = controls(maze, **OF_MAZE)
    for model, config in in_maze.items():
        farther = in_mazes([FARTHEST]) if model == "CompressedAD" else []
        entries.append(Entry("PassiveTMaze", model, config, walked + farther))
    entries.append(longer("PassiveTMaze", in_maze["GRU"], walked))
    entries += [Entry("PassiveTMaze", yardstick, maze, walked) for yardstick in ("source", "oracle")]
    for longest in TRAINED_TO:
        corridors = [length for length in range(1, longest + 1) if length not in CORRIDORS]
        config = maze.changed(task_family_arguments={"corridors": corridors})
        entries.append(Entry("PassiveTMaze", "CompressedAD", config, walked, {"trained_to": longest}))

    recalled = [Measurement("success", {"delay": n}, {"delays": [n]}, n_streams=16, greedy=True)
                for n in DELAYS]
    recalls = controls(symbols, **OF_SYMBOLS)
    entries += [Entry("RepeatFirst", model, config, recalled) for model, config in recalls.items()]
    entries.append(longer("RepeatFirst", recalls["GRU"], recalled))
    entries += [Entry("RepeatFirst", yardstick, symbols, recalled) for yardstick in ("source", "oracle")]
    return Study("how_far_back", entries)
