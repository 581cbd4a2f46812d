"""Fonts of printed tickets; see README.md."""
