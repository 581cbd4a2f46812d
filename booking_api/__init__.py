"""The booking API: sells each seat once, to visitors the gateway let in."""
