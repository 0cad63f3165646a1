"""Who took part: tables of ``participation``, drawn by ``plots``. It knows errors, text and fonts alone.

What can be imported from here stands in ``__init__.pyi``, each name once; it is loaded when it is first used.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
