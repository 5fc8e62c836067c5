"""Lab 1: how far back does a memory reach?

Every model is trained on short T-Mazes, and asked about long ones; the same with the delays of Repeat First.
None of the lengths that are tested is trained. Then the maze again, for `CompressedAD` trained up to other
lengths than 63.
"""
from compressed_ad.comparisons import controls
from compressed_ad.config import read_config
from compressed_ad.studies import Entry, Measurement, Study

CORRIDORS = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
FARTHEST = 65536  # for CompressedAD alone
DELAYS = (16, 51, 415, 831)
TRAINED_TO = (7, 15, 31, 127)  # longest corridor in training

# With these updates each model trains about as long as `CompressedAD`, measured on the reference machine. A
# GRU is limited by the length of a history, not by the batch, and learns with a higher learning rate only.
OF_MAZE = {
    "memory_cleared": {"train_timesteps": 650},
    "AD": {"train_timesteps": 900},
    "AD_equal_bytes": {"train_timesteps": 900},
    "AD_full_context": {"train_timesteps": 700},
    "GRU": {"train_timesteps": 290, "train_batch_size": 32, "lr": 5e-3}}
OF_SYMBOLS = {
    "memory_cleared": {"train_timesteps": 1950},
    "AD": {"train_timesteps": 3400},
    "AD_equal_bytes": {"train_timesteps": 3400},
    "AD_full_context": {"train_timesteps": 2600, "lr": 1e-3},
    "GRU": {"train_timesteps": 1080, "train_batch_size": 32, "lr": 5e-3}}


def in_mazes(corridors):
    "Success in both mazes of each length."
    return [Measurement("success", {"corridor": n}, {"corridors": [n]}, greedy=True) for n in corridors]


def study() -> Study:
    "All models and yardsticks on both tasks."
    maze = read_config("lab_t_maze")
    symbols = read_config("lab_repeat_first")
    walked = in_mazes(CORRIDORS)
    entries = []
    for model, config in controls(maze, **OF_MAZE).items():
        farther = in_mazes([FARTHEST]) if model == "CompressedAD" else []
        entries.append(Entry("PassiveTMaze", model, config, walked + farther))
    entries += [Entry("PassiveTMaze", yardstick, maze, walked) for yardstick in ("source", "oracle")]
    for longest in TRAINED_TO:
        corridors = [length for length in range(1, longest + 1) if length not in CORRIDORS]
        config = maze.changed(task_family_arguments={"corridors": corridors})
        entries.append(Entry("PassiveTMaze", "CompressedAD", config, walked, {"trained_to": longest}))

    recalled = [Measurement("success", {"delay": n}, {"delays": [n]}, n_streams=16, greedy=True)
                for n in DELAYS]
    recalls = controls(symbols, **OF_SYMBOLS)
    entries += [Entry("RepeatFirst", model, config, recalled) for model, config in recalls.items()]
    entries += [Entry("RepeatFirst", yardstick, symbols, recalled) for yardstick in ("source", "oracle")]
    return Study("how_far_back", entries)
