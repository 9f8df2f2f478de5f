"""What storage raises, in words for the person who reads it."""

from __future__ import annotations


class StorageError(Exception):
    """The base of what storage raises on purpose."""


class DatabaseUnavailable(StorageError):
    """The database cannot be reached, or cannot write, just now."""


class UnusableDatabaseUrl(StorageError):
    """DATABASE_URL names nothing Casewire can use; the message says why and what to write instead."""


class UnknownSchema(StorageError):
    """The database was made by a newer Casewire, or by something else."""


class NoDesk(StorageError):
    """There is no database where one is named."""


class LeaseLost(StorageError):
    """Another process does by now what this one was about to do; the message is the lease's name."""
