"""The bytes of an index, as far as a file's identity goes: when it was written and which it is.

The format is git's own (gitformat-index), version 2. Whatever is out of the ordinary (other
versions, conflicts, hidden files, submodules, split or sparse indexes) is not read.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass

_HEADER = struct.Struct(">4sII")
_STAT = struct.Struct(">10I")
_FLAGS = struct.Struct(">H")
_TIME = struct.Struct(">II")
_PLAIN_EXTENSIONS = frozenset({b"TREE", b"REUC", b"EOIE", b"IEOT"})
_UNUSUAL = 0xF000
"""Assumed unchanged, extended, or one side of a conflict."""
_32_BITS = 0xFFFF_FFFF
_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file of an index, as it was when git last looked at it. `at` is where its entry begins."""

    at: int
    path: str
    ctime_ns: int
    mtime_ns: int
    dev: int
    ino: int
    mode: int
    uid: int
    gid: int
    size: int

    def is_still(self, found: os.stat_result) -> bool:
        """Whether that is the very same file, with nothing about it changed since: the time of its
        last change cannot be set by anybody."""
        return (
            found.st_ctime_ns == self.ctime_ns
            and found.st_mtime_ns == self.mtime_ns
            and stat.S_IFMT(found.st_mode) == stat.S_IFMT(self.mode)
            and found.st_nlink == 1
            and (found.st_dev & _32_BITS, found.st_ino & _32_BITS, found.st_size & _32_BITS)
            == (self.dev, self.ino, self.size)
            and (found.st_uid, found.st_gid) == (self.uid, self.gid)
        )


def read_plain(content: bytes, hash_size: int) -> tuple[IndexedFile, ...] | None:
    """The files of an index; None when it is not a plain one."""
    try:
        return _read(content, hash_size)
    except (struct.error, ValueError):
        return None


def _read(content: bytes, hash_size: int) -> tuple[IndexedFile, ...] | None:
    magic, version, count = _HEADER.unpack_from(content)
    if (magic, version) != (b"DIRC", 2):
        return None
    at = _HEADER.size
    found = []
    for _ in range(count):
        ctime_s, ctime, mtime_s, mtime, dev, ino, mode, uid, gid, size = _STAT.unpack_from(
            content, at
        )
        name_at = at + _STAT.size + hash_size + _FLAGS.size
        (flags,) = _FLAGS.unpack_from(content, name_at - _FLAGS.size)
        if flags & _UNUSUAL or stat.S_IFMT(mode) not in (stat.S_IFREG, stat.S_IFLNK):
            return None
        end = content.index(b"\0", name_at)
        path = os.fsdecode(content[name_at:end])
        ctime_ns, mtime_ns = ctime_s * _SECOND_NS + ctime, mtime_s * _SECOND_NS + mtime
        found.append(IndexedFile(at, path, ctime_ns, mtime_ns, dev, ino, mode, uid, gid, size))
        at += (end - at + 8) // 8 * 8
    while at < len(content) - hash_size:
        if content[at : at + 4] not in _PLAIN_EXTENSIONS:
            return None
        (length,) = struct.unpack_from(">I", content, at + 4)
        at += 8 + length
    return tuple(found) if at == len(content) - hash_size else None


def with_ctimes(content: bytes, ctimes_ns: Mapping[int, int], hash_size: int) -> bytes:
    """The same index with other times of last change, by where their entries begin."""
    changed = bytearray(content[:-hash_size])
    for at, ctime_ns in ctimes_ns.items():
        _TIME.pack_into(changed, at, *divmod(ctime_ns, _SECOND_NS))
    kind = "sha1" if hash_size == hashlib.sha1().digest_size else "sha256"
    return bytes(changed) + hashlib.new(kind, changed).digest()
