"""Selling as a promoter does: halls, refunds, waiting lists, providers, tickets, webhooks."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: a sale's data is never dropped by a script.")
