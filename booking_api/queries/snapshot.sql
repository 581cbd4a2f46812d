-- snapshot: which transactions are visible right now; while it stays the same, so does all data.
SELECT pg_current_snapshot()::text AS snapshot
