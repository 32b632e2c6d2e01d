"""Realism of synthetic mammograms: measures and a discriminator that compare them with real ones."""
