"""The fault harness: a whole desk under a random load, while everything that can break is broken."""
