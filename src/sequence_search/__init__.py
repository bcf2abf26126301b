"""Sequence Search: automated MR pulse-sequence design through an exact, differentiable Bloch simulation."""

import lazy_loader

# Loaded on first use, as `__init__.pyi` lists them: the command line answers `--help` without torch.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
