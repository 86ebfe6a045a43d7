"""The Network API v2.0, below /network: as much of it as servers and their clients need."""
