"""Recordings: the stage that writes them, and the backend that plays them."""
