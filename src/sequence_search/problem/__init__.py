"""A design problem, its file and the files shipped with the package."""
