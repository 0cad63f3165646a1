"""Which kit this is: the one place in the package where its version stands."""

__version__ = "0.1.0"
