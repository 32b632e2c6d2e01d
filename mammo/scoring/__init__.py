"""From patch scores to one number a lesion, and from lesions to metrics with intervals. No torch here."""
