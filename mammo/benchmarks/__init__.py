"""Benchmarks: the CPU time of each part of mammo against a lower limit and other libraries."""
