"""
What can go wrong while looking after the database. All of it is for the operator; every message says what to do.

DatabaseError
├── ServerError              a server of our own could not be started or stopped
│   ├── NoBinariesError      no PostgreSQL on this machine that we can use
│   └── AlreadyRunningError  one runs on this folder; names its port and pid
├── MigrationError           the SQL files and the database do not fit together
├── PartitionError           a month could not be made
└── BusyError                somebody else is doing the same work and did not finish in time
"""


class DatabaseError(Exception):
    """The database needs its operator."""


class ServerError(DatabaseError):
    """A server of our own could not be started or stopped."""


class NoBinariesError(ServerError):
    """There are no PostgreSQL server binaries that we can use."""


class AlreadyRunningError(ServerError):
    """A server is running on this folder already."""


class MigrationError(DatabaseError):
    """The migrations and the database do not fit together."""


class PartitionError(DatabaseError):
    """A partition could not be made."""


class BusyError(DatabaseError):
    """Another process is doing this and did not finish in time."""
