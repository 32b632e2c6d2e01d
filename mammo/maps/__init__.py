"""The maps that f_agg sees: location, saliency and embedding maps, and their stack X."""
