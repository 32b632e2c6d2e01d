"""Lesion-level classification of mammograms with local and global information."""

__version__ = "0.1.0"
