"What the benchmarks share: repeated timing in turn, and one JSON file each."

import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from compressed_ad.files import write_json
from compressed_ad.runs import circumstances

RESULTS = Path(__file__).parent / "results"


def in_turn(
    actions: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 1
) -> dict[str, list[float]]:
    "Seconds of each action, measured in turn: a slow spell of the machine hits all of them."
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(warm_up + rounds):
        for name, action in actions.items():
            began = time.perf_counter()
            action()
            if number >= warm_up:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def spread(values: list[float]) -> dict[str, float]:
    "Minimum, median and maximum, to four digits."
    return {
        name: float(f"{f(values):.4g}")
        for name, f in (("min", min), ("median", statistics.median), ("max", max))
    }


def write(name: str, result: Mapping) -> None:
    "Write `benchmarks/results/NAME.json` and print it."
    result = {**result, **circumstances()}
    write_json(RESULTS / f"{name}.json", result)
    print(json.dumps(result, indent=1))
