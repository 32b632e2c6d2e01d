"""Phantoms: a synthetic cohort of mammograms whose ground truth is known because it was drawn.

Not a model of disease. Signal strengths are dials (spec.Dials), so results on this cohort show that the pipeline finds
what was put in, and are no evidence for any clinical claim.
"""
