"""Tables, figures and the page that a person reads, made of finished runs; nothing here trains or scores."""
