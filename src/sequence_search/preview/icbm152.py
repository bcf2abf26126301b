"""The ICBM 152 template: grey and white matter of the mean of 152 heads, which nilearn brings along."""

from __future__ import annotations

import warnings

import numpy as np

from sequence_search.extras import imported
from sequence_search.preview.anatomy import Anatomy


def icbm152(voxel_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Anatomy:
    """Fractions of GM, WM and CSF of the brain of ICBM 152 2009a, nonlinear symmetric; nothing is fetched.

    CSF is what the other two leave of a voxel of the brain. There is nothing outside of the brain.
    Source: Fonov et al., NeuroImage 54 (2011), doi:10.1016/j.neuroimage.2010.07.033.

    Parameters
    ----------
    voxel_mm : along x, y and z, whole numbers

    Raises
    ------
    MissingExtraError
        If nilearn is not installed.
    ValueError
        If the size of a voxel is no whole number of mm.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what nilearn itself imports
        datasets = imported("nilearn.datasets", "preview", "a preview")
        grey, white, brain = (
            load(resolution=1)
            for load in (
                datasets.load_mni152_gm_template,
                datasets.load_mni152_wm_template,
                datasets.load_mni152_brain_mask,
            )
        )
    inside = np.asarray(brain.dataobj) > 0
    gm, wm = (np.where(inside, np.asarray(each.dataobj, np.float32), 0).clip(0, 1) for each in (grey, white))
    csf = np.where(inside, 1 - gm - wm, 0).clip(0, 1)
    anatomy = Anatomy(np.asarray(grey.affine, float), {"GM": gm, "WM": wm, "CSF": csf})
    return anatomy if voxel_mm == (1.0, 1.0, 1.0) else anatomy.coarser(voxel_mm)
