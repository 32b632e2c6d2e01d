"""The intake: from files of any source to image and lesion records and pixels, with one outcome for every file."""
