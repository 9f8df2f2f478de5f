"""How fast Casewire is, on real servers, each figure against a floor of the same run: `make bench`."""
