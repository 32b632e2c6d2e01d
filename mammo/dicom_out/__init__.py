"""A prediction as DICOM objects in the study of its mammogram: a structured report, segmentation and pictures."""
