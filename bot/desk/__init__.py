"""The desk: what happens to a case, decided by pure code. No I/O, no clock, nothing of ours is imported."""
