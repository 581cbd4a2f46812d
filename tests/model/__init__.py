"""Plain-Python models that the product is compared with."""
