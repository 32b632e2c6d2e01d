"""Reader studies: readers rate the lesions of a store without and with the score of a bundle."""
