"""The gateway: a fair line in front of the sale."""
