"""Who took part: tables of ``participation``, drawn by ``plots``. It knows errors, text and fonts alone."""
