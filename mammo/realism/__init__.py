"""How far synthetic mammograms are from real ones: figures beside those of a real exam, and a critic who tells."""
