"""Alembic's environment: it only renders SQL; `booking_api.migrate` runs it through asyncpg."""

from alembic import context

context.configure(dialect_name="postgresql", literal_binds=True, transactional_ddl=False)
context.run_migrations()
