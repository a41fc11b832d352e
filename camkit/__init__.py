"""camkit (being assembled)."""
