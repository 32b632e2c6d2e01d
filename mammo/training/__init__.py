"""Runs: from a resolved configuration to a folder with checkpoints, metrics and scores that can be found again."""
