"""Public files: where they come from, and how they are fetched and checked.

`registry.csv` lists each file by repository, commit and path, with its size and hashes. A file is
fetched once into a cache, from its public address or from a mirror folder laid out as
`<owner>/<repository>/<commit>/<path>`, and never used before its hash agrees.
"""

import csv
import functools
import hashlib
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from qastanet.errors import InputError

MIRROR_VARIABLE = "QASTANET_DATA_MIRROR"
"""Environment variable that names a mirror folder."""

CACHE_VARIABLE = "QASTANET_CACHE"
"""Environment variable that names the cache folder; the default is the user's cache."""

RELEASE = "Orange-OpenSource/QASTAnet"
AMBIQUAL = "QxLabIreland/Ambiqual"
NEURAL2024 = "BenjSta/bernoulli-var-speech-codec"


class Entry(NamedTuple):
    """One public file."""

    repository: str
    commit: str
    path: str
    git_blob_sha1: str
    bytes: int | None
    sha256: str | None

    @property
    def location(self) -> str:
        """Path below a mirror or the cache."""
        return f"{self.repository}/{self.commit}/{self.path}"

    @property
    def address(self) -> str:
        """Public address."""
        return f"https://raw.githubusercontent.com/{self.location}"


@functools.cache
def entries() -> tuple[Entry, ...]:
    """Return all public files.

    Example:
        >>> sum(entry.repository == RELEASE for entry in entries())
        7
    """
    with open(Path(__file__).with_name("registry.csv"), newline="") as file:
        return tuple(
            Entry(
                *(row[name] for name in ("repository", "commit", "path", "git_blob_sha1")),
                bytes=int(row["bytes"]) if row["bytes"] else None,
                sha256=row["sha256"] or None,
            )
            for row in csv.DictReader(file)
        )


def find(repository: str, path: str) -> Entry:
    """Return the entry of a file.

    Args:
        repository: "owner/name"
        path: path in the repository, or its end from a folder on

    Raises:
        InputError: if there is no such file, or more than one

    Example:
        >>> find(RELEASE, "model_weights.pth.tar").bytes
        1125067
    """
    found = [
        entry
        for entry in entries()
        if entry.repository == repository and f"/{entry.path}".endswith(f"/{path}")
    ]
    if len(found) != 1:
        raise InputError(f"{repository}: {len(found)} files named '{path}' in the registry")
    return found[0]


def cache_folder() -> Path:
    """Return the folder in which fetched files are kept."""
    if folder := os.environ.get(CACHE_VARIABLE):
        return Path(folder)
    import pooch

    return Path(pooch.os_cache("qastanet"))


def _mirror_folder(named: str | Path | None) -> Path | None:
    """Return the mirror folder that is named here or by the environment, if any."""
    folder = named or os.environ.get(MIRROR_VARIABLE)
    return Path(folder) if folder else None


def at_hand(entry: Entry, mirror: str | Path | None = None) -> bool:
    """Tell whether a file can be had without the network, and is the right one."""
    folders = [cache_folder(), _mirror_folder(mirror)]
    places = [folder / entry.location for folder in folders if folder]
    return any(place.is_file() and _right(place, entry) for place in places)


def _right(place: Path, entry: Entry) -> bool:
    """Tell whether a file is that of an entry; it is looked into once per run."""
    found = place.stat()
    return found.st_size == (entry.bytes or found.st_size) and (
        _known_sha1(place, found.st_size, found.st_mtime_ns) == entry.git_blob_sha1
    )


@functools.cache
def _known_sha1(place: Path, size: int, changed: int) -> str:
    """Return the hash of a file that has not changed since."""
    return git_blob_sha1(place)


def git_blob_sha1(path: str | Path) -> str:
    """Return the hash under which git stores a file: sha1 of a header and the content."""
    content = Path(path).read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def fetch(entry: Entry, mirror: str | Path | None = None) -> Path:
    """Return a file of the cache, fetching and checking it first where needed.

    Args:
        entry: which file
        mirror: folder to copy from instead of the public address; default: the environment's

    Raises:
        InputError: if the file cannot be had or its hash does not agree
    """
    import pooch  # takes a tenth of a second, and most runs fetch nothing
    import requests

    pooch.get_logger().setLevel("WARNING")  # it advises to note hashes that the registry has
    mirror = _mirror_folder(mirror)

    def get(url: str, output_file: str, pooch_object: object) -> None:
        if mirror:
            shutil.copyfile(mirror / entry.location, output_file)
        else:
            pooch.HTTPDownloader(timeout=30)(url, output_file, pooch_object)
        if git_blob_sha1(output_file) != entry.git_blob_sha1:
            raise ValueError(f"its git blob hash is not {entry.git_blob_sha1}")

    target = cache_folder() / entry.location
    try:
        if target.is_file():
            if _right(target, entry):
                return target
            target.unlink()
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{cache_folder()}: cannot be written ({error.strerror}); name another cache with "
            f"{CACHE_VARIABLE}"
        ) from error
    known = f"sha256:{entry.sha256}" if entry.sha256 else None
    try:
        pooch.retrieve(entry.address, known, target.name, target.parent, downloader=get)
    except (OSError, ValueError, requests.RequestException) as error:
        source = f"the mirror {mirror}" if mirror else entry.address
        reason = str(error).partition(" (Caused by")[0][:200]
        remedy = (
            "Check the connection, or name a mirror folder with `qastanet fetch --mirror DIR` "
            f"or {MIRROR_VARIABLE}."
        )
        if mirror:
            remedy = "Check the folder."
        raise InputError(
            f"{entry.path}: cannot be fetched from {source} ({reason}). {remedy}"
        ) from error
    return target


def path(repository: str, name: str) -> Path:
    """Fetch a file by repository and name (see `find`) and return where it lies."""
    return fetch(find(repository, name))
