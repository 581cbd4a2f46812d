-- A concert taken off sale is not shown and not sold any more; what was sold of it stays.
ALTER TABLE concert ADD COLUMN off_sale_at timestamptz;
