"""The rules of the house: how the modules may be built upon one another, and of what there is only one.

Each test reads the source and names the places that break its rule. MAINTAINING.md says why.
"""
import ast
import json
import re
from collections.abc import Callable, Collection, Iterator
from functools import cache
from pathlib import Path

import pytest

from compressed_ad import registry
from compressed_ad.registry import Registry

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "compressed_ad"
LONGEST_LINE = 110
# letters, without the index and without what nbdev writes between two cells: 13,000 are the live page,
# 16,000 families in which it matters what is kept, 30,000 five compressors and 5,000 what records and
# pictures say of them, 20,000 the doctor
LARGEST_PACKAGE = 508_000

# From the ground floor up. A module imports only what stands before it.
ORDER = """
    files jobs registry spaces lesson config
    tasks.family tasks.dark_room tasks.memory tasks.key_to_door tasks.permuted_dark_room tasks.pair_recall
    tasks.moving tasks.gym_adapter
    sources.source sources.posterior sources.tabular histories recording sources.ppo storage
    embedding transformer decoder decoder_cache encoder memory dataset compressors
    memories.gated memories.resolution memories.selective memories.adaptive batches models checkpoints
    training trainer pretraining
    evaluation
    insight.attention insight.rollout agent insight.probes insight.retracing insight.interventions
    insight.views insight.live
    runs reports studies comparisons doctor
    cli
""".split()


def module_of(path: Path) -> str:
    "`tasks.family` for compressed_ad/tasks/family.py."
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


SOURCES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))
           if path.name not in ("__init__.py", "_modidx.py")}
everywhere = pytest.mark.parametrize("module", SOURCES)


@cache
def text_of(module: str) -> str:
    return SOURCES[module].read_text(encoding="utf-8")


def code_of(module: str) -> str:
    "What is exported, without the header that nbdev writes."
    _, heading, code = text_of(module).partition("\n# %% ../")
    return heading + code


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(text_of(module))


def own_imports(module: str) -> Iterator[tuple[int, str]]:
    "Line and module of everything that `module` imports from the package as it is loaded itself."
    room = ["compressed_ad", *module.split(".")[:-1]]
    for node in tree_of(module).body:
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(room[:len(room) - node.level + 1] if node.level else [])
            place = ".".join(part for part in (start, node.module) if part)
            names = [f"{place}.{name.name}" for name in node.names] + [place]
        else:
            continue
        found = {name.removeprefix("compressed_ad.") for name in names if name.startswith("compressed_ad.")}
        yield from ((node.lineno, name) for name in sorted(found & (set(ORDER) | set(SOURCES))))


def calls(module: str) -> Iterator[tuple[int, str]]:
    "Line and name of everything that `module` calls: `json.dump`, `path.write_text`."
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def places_of(kind: type, is_wrong: Callable[[ast.AST], bool], allowed: Collection[str] = ()) -> list[str]:
    "Module, line and code of the nodes of a `kind` that are wrong, except in the `allowed` modules."
    return [f"{module}:{node.lineno} {ast.unparse(node)}" for module in SOURCES if module not in allowed
            for node in ast.walk(tree_of(module)) if isinstance(node, kind) and is_wrong(node)]


def assert_none(places: Collection[str], instead: str) -> None:
    "Fail with every place that breaks a rule, and what to do instead."
    assert not places, "\n".join([instead, *places])


@everywhere
def test_imports_run_downwards(module):
    assert module in ORDER, "a new module: give it its place in ORDER"
    above = ORDER[ORDER.index(module):]
    upwards = [f"line {line}: {name}" for line, name in own_imports(module) if name in above]
    assert_none(upwards, f"{module} imports what stands above it")


def test_the_order_names_no_module_that_is_gone():
    assert_none(sorted(set(ORDER) - set(SOURCES)), "take these out of ORDER")


def test_the_package_stays_small():
    # into how many cells a lesson divides its code must not count
    letters = sum(len(re.sub(r"\n# %% .*", "", code_of(module))) for module in SOURCES)
    assert letters <= LARGEST_PACKAGE, f"{letters:,} letters: what can be deleted?"


@everywhere
def test_lines_are_short(module):
    # nbdev writes __all__ up to 120 wide
    code = code_of(module)
    header = text_of(module).removesuffix(code)
    assert "__all__" in header
    first = header.count("\n") + 1
    long = [f"line {number}: {len(line)}" for number, line in enumerate(code.splitlines(), start=first)
            if len(line) > LONGEST_LINE]
    assert_none(long, f"at most {LONGEST_LINE} letters in a line")


def test_no_part_is_asked_for_by_name():
    # a model, compressor, family or source says itself what it is and needs
    tables = [table for table in vars(registry).values() if isinstance(table, Registry)]
    names = {name for table in tables for name in table.parts}

    def asks(node: ast.Compare) -> bool:
        values = [part for part in ast.walk(node) if isinstance(part, ast.Constant)]
        return any(value.value in names for value in values if isinstance(value.value, str))

    assert_none(places_of(ast.Compare, asks, allowed=("registry", "models")), "ask the part itself")


def test_probes_are_in_one_module():
    asked = re.compile(r"^\s*(import|from) sklearn\b", flags=re.M)
    assert [module for module in SOURCES if asked.search(text_of(module))] == ["insight.probes"]


def test_there_is_one_bootstrap():
    drawing = {module for module in SOURCES for _, name in calls(module)
               if name.endswith(("multinomial", "resample", "bootstrap")) and name != "torch.multinomial"}
    assert drawing == {"evaluation"}, "use evaluation.interval"


def test_files_are_written_in_one_way():
    def writes(node: ast.Call) -> bool:
        name = ast.unparse(node.func)
        return name in ("json.dump", "np.save", "torch.save") or name.endswith((".write_text", ".to_csv"))

    assert_none(places_of(ast.Call, writes, allowed=("files",)), "use write_text or write_json of files")


def test_json_files_are_read_in_one_way():
    def reads(node: ast.Call) -> bool:
        name = ast.unparse(node.func)
        return name == "json.load" or (name == "json.loads" and ".read" in ast.unparse(node))

    assert_none(places_of(ast.Call, reads, allowed=("files",)), "use files.read_json")


def test_every_refusal_has_the_one_base():
    nodes = [node for module in SOURCES for node in ast.walk(tree_of(module))]
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    errors = {node.name: [ast.unparse(base) for base in node.bases] for node in classes
              if node.name.endswith("Error")}

    def is_ours(name: str) -> bool:
        return name == "CompressedADError" or any(map(is_ours, errors.get(name, ())))

    assert_none([name for name in errors if not is_ours(name)], "derive it from files.CompressedADError")


def test_seeds_are_derived_and_never_added_up():
    # neighbouring seeds would share what follows from them
    def adds(node: ast.BinOp) -> bool:
        sides = [ast.unparse(side) for side in (node.left, node.right)]
        return isinstance(node.op, (ast.Add, ast.Mult)) and any(re.search(r"seed$", side) for side in sides)

    # the records of labs 5 and 6 were measured with the halves that `insight.probes` draws from seed + 1
    places = places_of(ast.BinOp, adds)
    known = [place for place in places if re.fullmatch(r"insight\.probes:\d+ seed \+ 1", place)]
    assert len(known) <= 1
    assert_none([place for place in places if place not in known], "derive seeds with np.random.SeedSequence")


def test_only_the_runs_train_and_record():
    # one run system: whoever wants a trained model asks `runs` for it
    makers = {"Trainer", "Pretrainer", "collect_to_file"}
    rooms = [module for module in SOURCES if module not in ("runs", "trainer", "pretraining")]
    places = [f"{module}:{line} {name}" for module in rooms for line, name in calls(module) if name in makers]
    assert_none(places, "ask `runs` for a trained model")


def notebooks(wing: str) -> list[Path]:
    found = sorted((ROOT / "nbs" / wing).rglob("*.ipynb"))
    return [path for path in found if ".ipynb_checkpoints" not in path.parts]


@pytest.mark.parametrize("path", notebooks("labs"), ids=lambda path: path.stem)
def test_labs_show_and_export_nothing(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert not any(re.match(r"#\|\s*(default_exp|export)", source) for source in sources)


def test_no_two_notebooks_export_to_one_module():
    targets: dict[str, Path] = {}
    for path in notebooks(""):
        for target in re.findall(r"#\|\s*default_exp\s+([\w.]+)", path.read_text(encoding="utf-8")):
            assert target not in targets, f"{path.name} and {targets[target].name} overwrite one another"
            targets[target] = path
    assert set(targets) == set(SOURCES)


def test_no_record_names_a_place_of_the_machine_that_made_it():
    records = sorted((ROOT / "results").rglob("*.json"))
    named = [path.name for path in records if '"/' in path.read_text(encoding="utf-8")]
    assert_none(named, "no path in a record")
