"""The transitions of a waiting room, one script each; see README.md beside this file."""
