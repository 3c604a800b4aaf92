"""The fixtures that every suite may ask for; what they do stands in `databases.py`."""

from tests.databases import blank_database, database, postgres_server, template

__all__ = ["blank_database", "database", "postgres_server", "template"]
