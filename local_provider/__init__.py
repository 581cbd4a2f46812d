"""A payment provider for this machine: it collects no money, and otherwise behaves like one."""
