"""Files of a warehouse: at `local:///<warehouse>/…` only, below that warehouse's own folder, each with a checksum."""

from pathlib import Path, PurePosixPath
from urllib.parse import urlparse

from pyiceberg.io import InputFile, InputStream, OutputFile, OutputStream
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO
from pyiceberg.typedef import EMPTY_DICT, Properties

from services.errors import Fatal
from services.store.sums import SummedWriter, require_whole, sum_path

SCHEME = "local"
ROOT = "spiegelnet.root"
"""Property of a catalog: the folder that holds the warehouse."""
NAME = "spiegelnet.warehouse"
"""Property of a catalog: the warehouse, which is the only first part of a location that is allowed."""


def local_path(location: str, root: Path, warehouse: str) -> Path:
    """Return where `location` is on this machine.

    Args:
        location: `local:///<warehouse>/…`.
        root: the folder that holds the warehouse.
        warehouse: the only first part that is allowed.

    Raises:
        Fatal: another scheme, another warehouse, or a way out of it.
    """
    uri = urlparse(location)
    parts = PurePosixPath(uri.path).parts
    if uri.scheme != SCHEME or uri.netloc or parts[:2] != ("/", warehouse) or ".." in parts:
        raise Fatal(
            f"A table of the {warehouse} warehouse names a file outside it.",
            "Its metadata were changed, or come from another warehouse.",
            "Restore the warehouse's folder from a copy.",
        )
    return root.joinpath(*parts[1:])


def path_of(location: str, properties: Properties) -> Path:
    """Return where `location` is on this machine, by a catalog's properties; see `local_path`."""
    return local_path(location, Path(properties[ROOT]), properties[NAME])


class CheckedFile(PyArrowFile):
    """A file that is compared with its checksum before it is read, and gets one when it is written."""

    def open(self, seekable: bool = True) -> InputStream:  # noqa: FBT001, FBT002 - the signature is the library's
        """Open the file for reading.

        Raises:
            Fatal: it is not there, or damaged.
        """
        require_whole(Path(self._path))
        return super().open(seekable)

    def create(self, overwrite: bool = False) -> OutputStream:  # noqa: FBT001, FBT002 - the signature is the library's
        """Open the file for writing.

        Raises:
            FileExistsError: it is there, and is not to be overwritten.
            Retryable: the disk is full.
            Fatal: it fails.
        """
        if not overwrite and self.exists():
            raise FileExistsError(f"Cannot create file, already exists: {self.location}")
        return SummedWriter(Path(self._path))


class ConfinedFileIO(PyArrowFileIO):
    """Reads and writes files of one warehouse only."""

    @staticmethod
    def parse_location(location: str, properties: Properties = EMPTY_DICT) -> tuple[str, str, str]:
        """Return (scheme, netloc, path on this machine).

        Raises:
            Fatal: the location is not one of this warehouse.
        """
        return "file", "", str(path_of(location, properties))

    def new_input(self, location: str) -> CheckedFile:
        """Return a file to read."""
        return self._checked(location)

    def new_output(self, location: str) -> CheckedFile:
        """Return a file to write."""
        return self._checked(location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Remove a file and its checksum."""
        super().delete(location)
        name = location if isinstance(location, str) else location.location
        sum_path(path_of(name, self.properties)).unlink(missing_ok=True)

    def _checked(self, location: str) -> CheckedFile:
        scheme, netloc, path = self.parse_location(location, self.properties)
        return CheckedFile(location=location, path=path, fs=self.fs_by_scheme(scheme, netloc))
