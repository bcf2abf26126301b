"""Engines: from a sequence and voxels to the signal, and to the loss and its gradient."""
