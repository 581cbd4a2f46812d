"""What things cost, measured: `python -m bench`, or `make bench`.

Variants are measured in turns, round by round, because a machine's speed changes more from minute
to minute than most things differ. Each benchmark is a module with `async def main(quick)`, named in
`__main__`, that returns a `Report`; it starts what it needs and leaves nothing behind.
"""
