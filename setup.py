"Packaging: every fact about the package is in settings.ini."
import re
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
EXTRAS = ("dev", "sb3", "cluster")
PYTHONS = ("3.11", "3.12", "3.13")
PICTURES = (".png", ".svg", ".gif", ".jpg", ".webp")
DATA = ["configs/*.yaml", "models/*", "web/*"]


def read_settings() -> dict[str, str]:
    parser = ConfigParser(delimiters=["="], interpolation=None)
    parser.read(HERE / "settings.ini", encoding="utf-8")
    return dict(parser["DEFAULT"])


def absolute_links(markdown: str, git_url: str, branch: str) -> str:
    """The same page with every relative link and picture pointing into the repository.

    The package index shows README by itself: what is relative there leads nowhere. Code is left as it is.
    """
    def absolute(match: re.Match) -> str:
        before, target, after = match.groups()
        if target.startswith("#") or re.match(r"[a-z][a-z0-9+.-]*:", target):
            return match.group(0)
        kind = "raw" if target.endswith(PICTURES) else "blob"
        return f"{before}{git_url}/{kind}/{branch}/{target.removeprefix('./')}{after}"

    pieces = re.split(r"(```.*?```|`[^`\n]+`)", markdown, flags=re.S)  # code stands at the odd places
    for pattern in (r"(\]\()([^)\s]+)(\))", r"((?:src|href)=\")([^\"]+)(\")"):
        pieces[::2] = [re.sub(pattern, absolute, piece) for piece in pieces[::2]]
    return "".join(pieces)


def long_description() -> str:
    "README, as the package index shows it."
    settings = read_settings()
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    return absolute_links(readme, settings["git_url"], settings["branch"])


def metadata() -> dict:
    "What `setup` is called with."
    settings = read_settings()
    name = settings["lib_name"]
    address = settings["git_url"]
    return dict(
        name=name,
        version=settings["version"],
        description=settings["description"],
        long_description=long_description(),
        long_description_content_type="text/markdown",
        author=settings["author"],
        author_email=settings["author_email"],
        url=address,
        project_urls={
            "Source": address,
            "Issues": f"{address}/issues",
            "Changes": f"{address}/blob/{settings['branch']}/CHANGELOG.md",
        },
        license="Apache-2.0",
        keywords=settings["keywords"],
        classifiers=[
            "Development Status :: 3 - Alpha",
            "Intended Audience :: Education",
            "Intended Audience :: Science/Research",
            "Programming Language :: Python :: 3 :: Only",
            *(f"Programming Language :: Python :: {version}" for version in PYTHONS),
            "Topic :: Scientific/Engineering :: Artificial Intelligence",
        ],
        packages=find_packages(include=[name, f"{name}.*"]),
        package_data={name: DATA, f"{name}.insight": ["web/*"]},
        python_requires=f">={settings['min_python']}",
        install_requires=settings["requirements"].split(),
        extras_require={extra: settings[f"{extra}_requirements"].split() for extra in EXTRAS},
        entry_points={
            "console_scripts": settings["console_scripts"].split(),
            "nbdev": [f"{name}={name}._modidx:d"],
        },
        zip_safe=False,
    )


if __name__ == "__main__":
    setup(**metadata())
