"""Intake: reads files of any source into image and lesion records and pixels; every file has exactly one outcome."""
