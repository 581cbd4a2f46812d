"""One SQL function per use case that writes; `booking_api.migrate` installs them."""
