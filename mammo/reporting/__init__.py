"""Tables, figures and pages about finished runs and stores, for readers; nothing here trains or scores."""

N_LESIONS = 150
"""Most lesions in the gallery of a report's page."""
