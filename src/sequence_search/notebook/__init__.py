"""What notebooks show: values as HTML, their figures and tables, a playground as a widget."""

import lazy_loader

# A playground needs a library of the extra [notebook], all else does not.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
