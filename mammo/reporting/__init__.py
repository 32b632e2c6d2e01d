"""Tables, figures and pages about finished runs and stores, for readers; nothing here trains or scores."""
