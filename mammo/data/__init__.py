"""Sampling plans, crop windows, patches and batches: from the rows of a manifest to a LightningDataModule."""
