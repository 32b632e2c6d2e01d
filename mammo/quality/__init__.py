"""Data quality: checks over every image, outline and table of a store."""
