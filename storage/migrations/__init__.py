"""Alembic migrations. `storage.migrate` runs them; nothing here imports today's tables."""
