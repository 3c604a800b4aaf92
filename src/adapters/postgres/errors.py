"""
What can go wrong while looking after the database. All of it is for the operator; every message says what to do.

DatabaseError
├── ServerError          a server of our own could not be started or stopped
│   ├── NoBinaries       no PostgreSQL on this machine that we can use
│   └── AlreadyRunning   one runs on this folder; names its port and pid
├── MigrationError       the SQL files and the database do not fit together
├── PartitionError       a month could not be made
└── Busy                 somebody else is doing the same work and did not finish in time
"""


class DatabaseError(Exception):
    """The database needs its operator."""


class ServerError(DatabaseError):
    """A server of our own could not be started or stopped."""


class NoBinaries(ServerError):
    """There are no PostgreSQL server binaries that we can use."""


class AlreadyRunning(ServerError):
    """A server is running on this folder already."""


class MigrationError(DatabaseError):
    """The migrations and the database do not fit together."""


class PartitionError(DatabaseError):
    """A partition could not be made."""


class Busy(DatabaseError):
    """Another process is doing this and did not finish in time."""
