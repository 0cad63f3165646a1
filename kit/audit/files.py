"""The files of entries in the folder of an export: ``files/<SHA-256>.<ending>``, each once.

What a file is called, and whose it is, stands in the records. Its path is its hash and its kind, so
that no name of anybody's becomes a path, and anybody can check it with ``sha256sum``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from itertools import islice
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from kit.core import ATTACHMENT_BYTES_MAX, SignedRecord
from kit.errors import DataError
from kit.given import regular

if TYPE_CHECKING:
    from kit.diary import Diary

__all__ = ["ENDINGS", "FILES_MAX", "FOLDER", "damage", "fault", "found", "path", "write"]

FOLDER: Final = "files"

#: Files in the folder of an export that are looked at.
FILES_MAX: Final = 1_000_000

#: How the name of a file ends, by its kind.
ENDINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "image/png": "png",
        "image/jpeg": "jpg",
        "image/webp": "webp",
        "image/gif": "gif",
        "video/mp4": "mp4",
        "video/webm": "webm",
    }
)


def path(file: Mapping[str, Any]) -> str:
    """Return the path in an export of a file that a record names.

    >>> path({"name": "moon.png", "media_type": "image/png", "size": 3, "sha256": "0x" + "ab" * 32})
    'files/abababababababababababababababababababababababababababababababab.png'
    """
    return f"{FOLDER}/{file['sha256'][2:]}.{ENDINGS[file['media_type']]}"


def write(diary: Diary, records: Iterable[SignedRecord], folder: Path) -> list[dict[str, Any]]:
    """Write the files of some records into the folder of an export, and return their resources.

    One after the other, since together they may be more than the memory. What the archive has lost
    is left out.
    """
    named = {path(x): x for signed in records for x in signed.record.body.get("attachments", ())}
    resources = []
    for name, file in sorted(named.items()):
        content = diary.file(file["sha256"])
        if content is None:
            continue
        (folder / FOLDER).mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        resource = {"name": name.replace("/", "-").replace(".", "-"), "path": name, "type": "file"}
        resource |= {"format": ENDINGS[file["media_type"]], "mediatype": file["media_type"]}
        hashed = "sha256:" + file["sha256"][2:]
        resources.append(resource | {"bytes": len(content), "hash": hashed})
    return resources


def found(folder: Path) -> dict[str, str]:
    """Return what is in the folder of files of an export: the SHA-256 of each, by its path.

    That of something that no entry can have, as a folder, a link or what is too large, is ''. Of more than
    ``FILES_MAX`` only so many are looked at, and the others are missing.
    """
    here = folder / FOLDER
    is_folder = here.is_dir() and not here.is_symlink()
    items = (
        sorted(x for x in islice(here.iterdir(), FILES_MAX) if not _left(x.name))
        if is_folder
        else []
    )
    return {f"{FOLDER}/{item.name}": _sha256(item) for item in items}


def _left(name: str) -> bool:
    """Return whether it is one of the files that systems leave where somebody has looked."""
    return name[0] == "." or name.lower() in ("thumbs.db", "desktop.ini")


def _sha256(item: Path) -> str:
    try:
        return sha256(regular(item, ATTACHMENT_BYTES_MAX, "").read_bytes()).hexdigest()
    except (OSError, DataError):  # no right to read it; a link, a folder, a device, too many bytes
        return ""


def fault(file: Mapping[str, Any], present: Mapping[str, str]) -> str:
    """Return what is wrong with a file that a record names, of those that were found, or ''."""
    hashed = present.get(path(file))
    if hashed == file["sha256"][2:]:
        return ""
    return f"the file {file['name']} {'is missing' if hashed is None else 'was changed'}"


def damage(
    present: Mapping[str, str], hashes: Mapping[str, str], named: Collection[str]
) -> list[str]:
    """Return what is wrong with the folder of files: ``named`` are the paths that records name.

    ``hashes`` are those that the package gives of its files. One that is neither in it nor there was
    not exported; that is no damage.
    """
    listed = sorted(name for name in hashes if name.startswith(f"{FOLDER}/"))
    faults = [f"{name} is missing" for name in listed if name not in present]
    for name, hashed in present.items():
        own = PurePosixPath(name).stem
        if name not in named:
            faults.append(f"{name} belongs to no open record")
        elif hashed != own or hashes.get(name, f"sha256:{own}") != f"sha256:{own}":
            faults.append(f"{name} was changed")
    return faults
