"""The command line: start a whole sale, fill it with a crowd, verify what is left."""
