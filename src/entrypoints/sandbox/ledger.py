"""
The stand-ins' memory: an append-only file of JSON lines, the truth about money in tests.

An entry is `{"n": 1, "kind": "charge", "at": "2026-01-31T09:30:00.000Z", …facts}`. Entries that belong together are put
as one group: all but its last say `"more": true`, so a group cut short by a kill is no group and is dropped at the next
start. An entry may carry one large `document`; its place in the file is handed out, and the document can be read back
byte for byte. Whoever only uses places needs no second copy of everything in memory.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Entry = dict[str, Any]
Place = tuple[int, int]
"""Where a document stands in the file: offset and length."""
Line = tuple[str, dict[str, Any], bytes | None]
"""What a group is made of: kind, facts, document."""
Reader = Callable[[Entry, Place | None], None]

_DOCUMENT = b',"document":'
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_sync_file = getattr(os, "fdatasync", os.fsync)


class LedgerBroken(Exception):
    """The ledger cannot be read or written: nothing the stand-in says can be believed any more."""


class Ledger:
    """
    Entries that were waited for are on the disk, whatever dies afterwards.

    Without a reader every entry is remembered in `entries`. With one, entries found at the start are told to it instead
    and none is remembered: for stand-ins under load, whose memory would otherwise grow with every payment.
    """

    def __init__(self, path: Path, reader: Reader | None = None) -> None:
        self.entries: list[Entry] = []
        self.path = path
        self._remember = reader is None
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._lock()
        self._n = 0
        self._size = self._recover(reader)
        self._synced = self._n
        self._buffer: list[bytes] = []
        self._unwritten: dict[int, bytes] = {}
        self._being_written: dict[int, bytes] = {}
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._flush: asyncio.Task[None] | None = None
        self._broken: OSError | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")

    async def write(self, kind: str, **facts: Any) -> Entry:
        """Append one entry; returns when it is on the disk. Concurrent writers share one sync."""
        entry = {"n": self._n + 1, "kind": kind, "at": _now(), **facts}
        self._append(entry, None)
        await self.durable()
        return entry

    def put(self, group: Iterable[Line]) -> list[Place | None]:
        """Append entries that stand or fall together. They are durable only after `durable()`."""
        lines = list(group)
        at, places = _now(), []
        for left, (kind, facts, document) in zip(range(len(lines) - 1, -1, -1), lines, strict=True):
            entry = {"n": self._n + 1, "kind": kind, "at": at, **facts}
            if left:
                entry["more"] = True
            places.append(self._append(entry, document))
        return places

    async def durable(self) -> None:
        """Wait until everything put so far is on the disk."""
        if self._synced >= self._n:
            return
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((self._n, done))
        if self._flush is None:
            self._flush = asyncio.create_task(self._write_out())
        await done

    def read(self, place: Place) -> bytes:
        """The document that stands at this place, durable already or not."""
        offset, length = place
        return self._unwritten.get(offset) or self._being_written.get(offset) or os.pread(self._file, length, offset)

    def of(self, kind: str) -> list[Entry]:
        """Every remembered entry of this kind, oldest first."""
        return [entry for entry in self.entries if entry["kind"] == kind]

    def close(self) -> None:
        """Write what is still buffered and let the file go."""
        self._thread.shutdown(wait=True)
        if self._buffer and self._broken is None:
            self._to_disk(b"".join(self._buffer))
        self._buffer = []
        os.close(self._file)

    def _append(self, entry: Entry, document: bytes | None) -> Place | None:
        if self._broken is not None:
            raise LedgerBroken(f"{self.path}: {self._broken}")
        self._n += 1
        text = _encode(entry).encode()
        place = None
        if document is None:
            line = text + b"\n"
        else:
            place = (self._size + len(text) - 1 + len(_DOCUMENT), len(document))
            line = b"".join((text[:-1], _DOCUMENT, document, b"}\n"))
            self._unwritten[place[0]] = document
        self._buffer.append(line)
        self._size += len(line)
        if self._remember:
            self.entries.append(entry if document is None else {**entry, "document": json.loads(document)})
        return place

    async def _write_out(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, up_to = b"".join(self._buffer), self._n
            self._buffer = []
            self._unwritten, self._being_written = {}, self._unwritten
            try:
                await loop.run_in_executor(self._thread, self._to_disk, batch)
            except OSError as error:
                self._broken = error
                up_to = self._n
            else:
                self._synced = up_to
            self._being_written = {}
            self._wake(up_to)
        self._flush = None

    def _wake(self, up_to: int) -> None:
        still = []
        for target, done in self._waiting:
            if target > up_to:
                still.append((target, done))
            elif done.cancelled():
                continue
            elif self._broken is None:
                done.set_result(None)
            else:
                done.set_exception(LedgerBroken(f"{self.path}: {self._broken}"))
        self._waiting = still

    def _to_disk(self, batch: bytes) -> None:
        rest = memoryview(batch)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        _sync_file(self._file)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise LedgerBroken(f"{self.path} is in use by another stand-in") from None

    def _recover(self, reader: Reader | None) -> int:
        """Tell every whole group, cut off what a kill left behind it, and return where the file now ends."""
        tell = reader if reader is not None else lambda entry, _place: self.entries.append(entry)
        end = offset = 0
        group: list[tuple[Entry, Place | None]] = []
        size = os.fstat(self._file).st_size
        with os.fdopen(os.dup(self._file), "rb") as lines:
            for line in lines:
                entry = self._parse(line, last=offset + len(line) == size)
                if entry is None:
                    break
                group.append((entry, _place_in(line, offset)))
                offset += len(line)
                if not entry.pop("more", False):
                    for known in group:
                        tell(*known)
                    self._n, end, group = entry["n"], offset, []
        os.ftruncate(self._file, end)
        os.lseek(self._file, end, os.SEEK_SET)
        return end

    def _parse(self, line: bytes, *, last: bool) -> Entry | None:
        try:
            entry: Entry = json.loads(line)
        except ValueError:
            entry = {}
        if "n" in entry and line.endswith(b"\n"):
            return entry
        if last:
            return None  # torn by a kill: nobody was told of it
        raise LedgerBroken(f"{self.path} has an unreadable line in its middle: {line[:80]!r}")


def _place_in(line: bytes, offset: int) -> Place | None:
    # Quotes inside strings are escaped, so the marker cannot occur before the real one.
    start = line.find(_DOCUMENT)
    if start < 0:
        return None
    start += len(_DOCUMENT)
    return offset + start, len(line) - start - len(b"}\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
