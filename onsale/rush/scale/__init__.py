"""`onsale rush --scale`: a crowd of a million, of which a sample is real clients."""
