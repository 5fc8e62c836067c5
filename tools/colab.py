"""Install compressed_ad beside what is there: the first cell of every notebook calls this in Colab.

Colab comes with a torch that fits its GPU and with an IPython that fits its page. Whatever is there stays as
it is: pip gets only those requirements that are missing altogether, and the package without its requirements.
"""
import subprocess
import sys
from collections.abc import Sequence
from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent


def requirements() -> list[Requirement]:
    "What settings.ini names."
    parser = ConfigParser(delimiters=["="], interpolation=None)
    parser.read(ROOT / "settings.ini", encoding="utf-8")
    return [Requirement(text) for text in parser["DEFAULT"]["requirements"].split()]


def installed(name: str) -> str | None:
    "The version that is there, if any."
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def install(needs: Sequence[Requirement]) -> None:
    "Install what is missing of `needs`, and the package. Says what is older or newer than it should be."
    there = {need: installed(need.name) for need in needs}
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    missing = [str(need) for need, found in there.items() if found is None]
    if missing:
        with TemporaryDirectory() as folder:
            kept = Path(folder) / "kept.txt"
            pins = [f"{need.name}=={found}\n" for need, found in there.items() if found is not None]
            kept.write_text("".join(pins), encoding="utf-8")
            subprocess.run([*pip, "--constraint", str(kept), *missing], check=True)
    subprocess.run([*pip, "--no-deps", str(ROOT)], check=True)
    for need, found in there.items():
        if found is not None and not need.specifier.contains(found, prereleases=True):
            print(f"{need.name} {found} is left as it is; compressed_ad asks for {need.specifier}")


if __name__ == "__main__":
    install(requirements())
