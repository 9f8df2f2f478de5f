"""`casewire doctor`: looks over all that a desk needs, without changing any of it."""
