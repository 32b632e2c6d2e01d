"""Servers that score cases which others send: the DICOM node."""
