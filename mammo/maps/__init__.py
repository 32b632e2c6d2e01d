"""Input maps of f_agg: location, saliency and embedding maps, and their stack X."""
