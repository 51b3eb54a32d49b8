"""What a container image installs: a clone, wheels, or requirements from a package index."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import distribution, version
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

from outlast.cli.application import Refused

EXTRAS = "[postgres,redis]"
CLONE_FILES = "pyproject.toml README.md LICENSE CHANGELOG.md"
"""What a build of the clone needs besides `src`."""


@dataclass(frozen=True, slots=True)
class Package:
    """The build context of an image, and the lines of its Dockerfile that install Outlast."""

    context: str
    copies: Sequence[str]
    requirements: Sequence[str]
    """The arguments of `pip install`."""

    def dockerfile(self, *, requirements: bool) -> str:
        """The Dockerfile; with `requirements.txt` of the build context `program` if told."""
        wanted = " ".join(f"'{r}'" if "[" in r else r for r in self.requirements)
        lines = ["FROM python:3.12-slim", *self.copies, f"RUN pip install --no-cache-dir {wanted}"]
        if requirements:
            lines += [
                "COPY --from=program requirements.txt /requirements.txt",
                "RUN pip install --no-cache-dir -r /requirements.txt",
            ]
        lines += ["RUN useradd --uid 10001 --create-home outlast", "USER outlast", "WORKDIR /home/outlast"]
        return "\n".join([*lines, 'ENTRYPOINT ["outlast"]'])


def packages_of(named: Sequence[str], *, product: bool) -> Package:
    """The package that `--package` names, else what runs here; with the review site if it is the `product`."""
    if not named and (clone := _clone()):
        named = [str(clone)]
    if not named:
        click.echo(
            "The image installs Outlast from a package index, which must have it: "
            "otherwise name a clone or a wheel with --package.",
            err=True,
        )
        names = ["outlast", *(["outlast-reviews"] if product else [])]
        return Package(".", (), [_with_extras(f"{name}=={version(name)}") for name in names])
    paths = [Path(name).absolute() for name in named if Path(name).exists()]
    if not paths:
        return Package(".", (), [_with_extras(name) for name in named])
    if len(paths) != len(named):
        missing = [name for name in named if not Path(name).exists()]
        raise Refused(
            f"--package: there is no {', '.join(missing)}. Name files and folders, or requirements only."
        )
    if all(path.is_dir() for path in paths) and len(paths) == 1:
        return _of_clone(paths[0], product=product)
    if any(path.suffix != ".whl" for path in paths) or len({path.parent for path in paths}) != 1:
        raise Refused("--package: name one clone, or wheels that are in one folder.")
    names = [path.name for path in paths]
    copies = [f"COPY {' '.join(names)} /wheels/"]
    return Package(str(paths[0].parent), copies, [_with_extras(f"/wheels/{name}") for name in names])


def _of_clone(clone: Path, *, product: bool) -> Package:
    if not (clone / "src" / "outlast").is_dir():
        raise Refused(f"--package: {clone} is not a clone of Outlast, as it has no src/outlast.")
    copies = [f"COPY {CLONE_FILES} /outlast/", "COPY src /outlast/src"]
    copies += ["COPY reviews /outlast/reviews"] if product else []
    return Package(str(clone), copies, [f"/outlast{EXTRAS}", *(["/outlast/reviews"] if product else [])])


def _with_extras(requirement: str) -> str:
    """Add the extras to the requirement of Outlast itself, unless it names some."""
    if requirement.endswith(".whl"):
        return requirement + EXTRAS if Path(requirement).name.startswith("outlast-") else requirement
    return re.sub(r"^outlast(?=$|[=<>~!;@ ])", f"outlast{EXTRAS}", requirement)


def _clone() -> Path | None:
    """The clone from which the running Outlast was installed."""
    source = distribution("outlast").read_text("direct_url.json")
    url = urlsplit(str(json.loads(source)["url"])) if source else None
    path = Path(unquote(url.path)) if url and url.scheme == "file" else None
    return path if path is not None and path.is_dir() else None
