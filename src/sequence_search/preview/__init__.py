"""Preview: the image that a design gives of real anatomy."""

from sequence_search.preview.anatomy import Anatomy
from sequence_search.preview.figure import preview_figure
from sequence_search.preview.icbm152 import icbm152
from sequence_search.preview.image import Image, image, rician
from sequence_search.preview.nifti import read_anatomy, write_nifti
from sequence_search.preview.slices import Slice, middle_slices, read_slices

__all__ = [
    "Anatomy",
    "Image",
    "Slice",
    "icbm152",
    "image",
    "middle_slices",
    "preview_figure",
    "read_anatomy",
    "read_slices",
    "rician",
    "write_nifti",
]
