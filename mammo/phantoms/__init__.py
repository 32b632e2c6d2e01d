"""Phantoms: a synthetic cohort of mammograms with known ground truth.

Phantoms are no model of disease. Signal strengths are parameters (spec.Dials): results on this cohort show that the
pipeline finds a signal of known strength, and are no evidence for any clinical claim.
"""
