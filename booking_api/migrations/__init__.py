"""The schema as alembic revisions written in SQL."""
