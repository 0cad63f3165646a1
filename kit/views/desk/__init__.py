"""The platform as a desk to click; ``kit.desk`` makes one.

``desk`` puts three tabs together: ``writing`` (with ``mine`` below it), ``reviewing`` and ``reading``.
They share a ``room``; ``show`` turns records into HTML; ``widgets``, ``labels`` are what
they are made of.
"""

from kit.views.desk.desk import Desk, desk

__all__ = ["Desk", "desk"]
