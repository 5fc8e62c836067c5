"What a package index gets: metadata, README without relative links, and all data files."
import ast
import importlib
import importlib.util
import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import HeaderParser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
NEEDED_BY_OTHERS = {"tensorboard", "distributed"}  # torch.utils.tensorboard and joblib import them


def plain(name: str) -> str:
    "A distribution's name as the index compares it."
    return name.lower().replace("_", "-")


@pytest.fixture(scope="module")
def packaging():
    "setup.py as a module."
    spec = importlib.util.spec_from_file_location("setup_of_compressed_ad", ROOT / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    "The wheel that `pip wheel` builds of what a commit holds."
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("setup.py", "settings.ini", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    no_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "compressed_ad", source / "compressed_ad", ignore=no_caches)
    command = ["pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), str(source)]
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True, timeout=120)
    [built] = folder.glob("*.whl")
    return zipfile.ZipFile(built)


@pytest.fixture(scope="module")
def metadata(wheel):
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return HeaderParser().parsestr(wheel.read(name).decode("utf-8"))


def test_a_wheel_holds_every_module_and_every_data_file(wheel):
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "compressed_ad").rglob("*")
             if path.is_file() and "__pycache__" not in path.parts}
    packed = {name for name in wheel.namelist() if name.startswith("compressed_ad/")}
    assert packed == there, "add the missing files to DATA in setup.py"
    for kind in (".yaml", ".safetensors", ".js", ".css"):
        assert any(name.endswith(kind) for name in packed)


def test_no_link_or_picture_on_the_package_index_is_relative(metadata):
    page = re.sub(r"```.*?```", "", metadata.get_payload(), flags=re.S)
    targets = re.findall(r"\]\(([^)\s]+)\)", page) + re.findall(r"(?:src|href)=\"([^\"]+)\"", page)
    assert len(targets) > 20
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    pictures = re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", page)
    assert pictures and all("/raw/main/" in picture for picture in pictures)


def test_what_the_package_index_shows_leads_into_the_repository(metadata, packaging):
    "As HTML: every picture is a file, every link a file or another host's, every heading linked to is there."
    page = MarkdownIt("commonmark").enable("table").render(metadata.get_payload())
    pictures = re.findall('<img[^>]* src="([^"]+)"', page)
    links = re.findall('<a[^>]* href="([^"]+)"', page)
    address = packaging.read_settings()["git_url"]
    raw, blob = f"{address}/raw/main/", f"{address}/blob/main/"
    assert len(pictures) >= 3 and len(links) > 50
    assert all(one.startswith(raw) for one in pictures)
    assert [one for one in pictures if not (ROOT / one.removeprefix(raw)).is_file()] == []
    inside = [one.removeprefix(blob).partition("#")[0] for one in links if one.startswith(blob)]
    assert [one for one in inside if not (ROOT / one).exists()] == []
    titles = re.findall(r"<h\d>(.*?)</h\d>", page)
    headings = {re.sub("[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert {one[1:] for one in links if one.startswith("#")} <= headings
    others = [one for one in links if not one.startswith((blob, "#"))]
    assert [one for one in others if not re.match(r"https://[^/]+\.[a-z]+/", one)] == []
    assert [one for one in others if one.startswith(address)] == []


def test_every_link_of_the_front_page_leads_to_a_file():
    page = re.sub(r"```.*?```", "", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.S)
    targets = re.findall(r"\]\(([^)\s]+)\)", page)
    inside = [target.partition("#")[0] for target in targets if not re.match(r"https?:|#", target)]
    assert [target for target in inside if not (ROOT / target).exists()] == []


def test_the_front_page_leads_to_every_notebook():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    notebooks = [path.relative_to(ROOT).as_posix() for path in (ROOT / "nbs").rglob("*.ipynb")
                 if ".ipynb_checkpoints" not in path.parts and path.stem != "index"]
    assert [name for name in notebooks if f"]({name})" not in page] == [], "run `make readme`"


def test_what_the_front_page_shows_in_code_is_there(packaging):
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    for code in re.findall(r"```python\n(.*?)```", page, flags=re.S):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("compressed_ad"):
                module = importlib.import_module(node.module)
                assert [name.name for name in node.names if not hasattr(module, name.name)] == []
    scripts = packaging.read_settings()["console_scripts"].split()
    assert set(re.findall(r"\bcad-\w+", page)) == {script.partition("=")[0] for script in scripts}
    for script in scripts:
        module, _, function = script.partition("=")[2].partition(":")
        assert callable(getattr(importlib.import_module(module), function, None)), script


def test_links_become_absolute_and_code_stays(packaging):
    def of(text: str) -> str:
        return packaging.absolute_links(text, "https://host/us/it", "main")

    assert of("[a](nbs/a.ipynb#part)") == "[a](https://host/us/it/blob/main/nbs/a.ipynb#part)"
    assert of("![p](./pictures/p.png)") == "![p](https://host/us/it/raw/main/pictures/p.png)"
    assert of("[![p](p.svg)](LICENSE)") == (
        "[![p](https://host/us/it/raw/main/p.svg)](https://host/us/it/blob/main/LICENSE)")
    assert of('<img src="p.png">') == '<img src="https://host/us/it/raw/main/p.png">'
    assert of("[`a`](b)") == "[`a`](https://host/us/it/blob/main/b)"
    code = ("`[a](b)`", "```\n[a](b)\n```")
    for untouched in ("[a](https://x.org/a)", "[a](#there)", "[m](mailto:a@b.org)", *code):
        assert of(untouched) == untouched


def test_metadata_names_the_pythons_ranges_and_extras(metadata):
    assert metadata["Requires-Python"] == ">=3.11"
    classifiers = metadata.get_all("Classifier")
    for version in ("3.11", "3.12", "3.13"):
        assert f"Programming Language :: Python :: {version}" in classifiers
    assert set(metadata.get_all("Provides-Extra")) == {"dev", "sb3", "cluster"}
    needed = [Requirement(text) for text in metadata.get_all("Requires-Dist")]
    pinned = [str(need) for need in needed if need.marker is None and "==" in str(need.specifier)]
    assert pinned == [], "exact pins belong to constraints.txt: the package must install beside others"
    [torch] = [need for need in needed if need.name == "torch"]
    assert torch.specifier.contains("2.9.1") and torch.specifier.contains("2.13.0")
    assert not torch.specifier.contains("2.8.0")  # torch.optim.Muon


def test_constraints_pin_every_requirement_to_a_version_in_its_range(packaging):
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    pins = {plain(line.partition("==")[0]): line.partition("==")[2] for line in lines}
    settings = packaging.read_settings()
    for key in ("requirements", *(f"{extra}_requirements" for extra in packaging.EXTRAS)):
        for need in map(Requirement, settings[key].split()):
            pin = pins.get(plain(need.name))
            assert pin is not None, f"constraints.txt does not pin {need.name}"
            assert need.specifier.contains(pin), f"{need} in settings.ini, {pin} in constraints.txt"


def test_colab_gets_what_is_missing_and_keeps_what_is_there(monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("colab", ROOT / "tools" / "colab.py")
    colab = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(colab)
    there = {"torch": "2.8.0+cu126", "numpy": "2.1.0"}
    monkeypatch.setattr(colab, "installed", there.get)
    calls, pins = [], []

    def pip(command, check):
        calls.append(command[command.index("--disable-pip-version-check") + 1:])
        if "--constraint" in command:
            pins.append(Path(command[command.index("--constraint") + 1]).read_text(encoding="utf-8"))

    monkeypatch.setattr(colab.subprocess, "run", pip)
    colab.install([Requirement(text) for text in ("torch>=2.9,<3", "numpy>=2,<3", "h5py>=3.11")])
    assert [call[2:] for call in calls[:1]] == [["h5py>=3.11"]] and len(calls) == 2
    assert pins == ["torch==2.8.0+cu126\nnumpy==2.1.0\n"]
    assert calls[1] == ["--no-deps", str(ROOT)]
    assert "torch 2.8.0+cu126 is left as it is" in capsys.readouterr().out
    assert {need.name for need in colab.requirements()} >= {"torch", "numpy", "h5py"}


def test_binder_gets_the_package_from_the_checkout_with_its_pins():
    lines = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    options = dict(line.split() for line in lines if line.startswith("-"))
    assert options["-e"] == "."  # read from the repository's root
    assert (ROOT / "binder" / options["--constraint"]).samefile(ROOT / "constraints.txt")
    assert options["--extra-index-url"].endswith("/whl/cpu") and "torch" in lines
    version = (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip()
    assert version in {f"python-{one}" for one in ("3.11", "3.12", "3.13")}


def imported_modules() -> set[str]:
    "Top-level names of the foreign modules that the package imports."
    found = set()
    for path in (ROOT / "compressed_ad").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"compressed_ad"}


def test_what_the_package_imports_is_what_it_requires(packaging):
    settings = packaging.read_settings()
    keys = ("requirements", "sb3_requirements", "cluster_requirements")
    named = {plain(Requirement(text).name) for key in keys for text in settings[key].split()}
    distributions = packages_distributions()
    used = {plain(distributions[module][0]) for module in imported_modules()}
    assert used - named == set(), "imported, but not required"
    unused = named - used - NEEDED_BY_OTHERS
    assert unused == set(), "required, but not imported"
