"""The three networks, their parts, and the one policy of precision and layout."""
