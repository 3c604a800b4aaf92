"""The fixtures that every suite may ask for; what they do stands in `databases.py`."""

from hypothesis import settings

from tests.databases import blank_database, database, postgres_server, template

__all__ = ["blank_database", "database", "postgres_server", "template"]

# How fast a machine is decides no test.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
