"""Scoring with trained networks: the lesions of a store, and single lesions from Python."""
