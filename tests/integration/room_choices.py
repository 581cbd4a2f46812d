"""What hypothesis may choose for a room: who comes, what is set, what is counted."""

from hypothesis import strategies as st

VISITORS = ["ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ida", "jim", "kim", "lou"]
LANES = ["gold", "members", "public", "rest", "vip"]
some_visitors = st.lists(st.sampled_from(VISITORS), min_size=1, max_size=6)
some_joins = st.lists(
    st.tuples(st.sampled_from(VISITORS), st.sampled_from(["", "unheard-of", *LANES])),
    min_size=1,
    max_size=6,
)
some_picks = st.lists(st.integers(0, 1_000_000), min_size=1, max_size=6)
weights = st.sampled_from([1, 1, 2, 3, 10, 100])
some_lanes = st.lists(
    st.tuples(st.sampled_from(LANES), weights), max_size=4, unique_by=lambda x: x[0]
)
limits = st.sampled_from([1, 2, 3, 1000])
few = st.sampled_from([0, 0, 0, 1, 1, 2, 5])
ages = st.sampled_from([0, 0, 0, 1, 3, 4, 100])
caps = st.sampled_from([0, 1, 2, 3, 3, 6])
rates = st.sampled_from([0, 30, 60, 119, 600, 600, 6000, 6000])
times = {
    "active_ttl_s": st.sampled_from([2, 10, 40]),
    "claim_ttl_s": st.sampled_from([1, 4, 12]),
    "idle_ttl_s": st.sampled_from([1, 3, 9, 300]),
}

some_changes = st.fixed_dictionaries(
    {},
    optional={
        "state": st.sampled_from(["open", "open", "paused", "draining"]),
        "opens_in_ms": st.sampled_from([None, None, -1, 1, 1500, 60_000]),
        "max_active": caps,
        "admit_per_minute": rates,
        "compensate_no_shows": st.sampled_from([0, 1]),
        "ends_with_sale": st.sampled_from([0, 1, 1]),
        **times,
    },
)
