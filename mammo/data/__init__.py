"""Plans of what to read, crops from windows, and the one datamodule: rows of the manifest become batches."""
