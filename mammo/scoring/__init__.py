"""Lesion scores, score tables, and metrics with confidence intervals; without torch."""
