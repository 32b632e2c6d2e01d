"""The store: the pixels of every accepted image in the store frame, and the tables that say what and where they are."""
