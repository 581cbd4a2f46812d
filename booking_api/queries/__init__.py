"""One SQL statement per read or call, by name; `booking_api.database` runs them."""
