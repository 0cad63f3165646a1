"""Plots of the tables in ``kit.participation``: a function for each, with the same name.

Each takes a table, or the network or the fit, draws it on ``ax`` (or on a figure of its own), and
returns the axes::

    kit.plots.daily(kit.participation.daily(records), source="the diary of …")

The table may be of any kind that ``kit.participation`` knows; it is small and comes into memory.
Titles and labels are in Chinese and English, in the kit's own fonts. Below stands how many it is (n)
and the source; and where a character is in none of those fonts, what the sign in its place stands for.
What the table says of itself goes on: where its ``attrs`` say ``simulated``, so does the plot, and where
they say a ``level`` and of which log (``place``), the line below names both. Frames
other than pandas' have no ``attrs``: say it in the source.

Whatever people wrote is drawn as text, and no ``$`` makes a formula of it. An empty table makes a
plot that says so. ``alt_text`` returns what is to be seen in words; the figure has it as its label,
and ``save`` (or ``picture``, which returns bytes) puts it into the file.

The colours are Okabe and Ito's, which people with colour-blindness can tell apart (M. Okabe and
K. Ito, Color Universal Design, 2008); heat maps are in cividis (J. Nuñez, C. Anderton, R. Renslow,
Optimizing colormaps with consideration for color vision deficiency, PLOS ONE 13, 2018).

Each name stands once, in the imports below, beside the module that has it.

``NO_PLOT`` names the functions of ``kit.participation`` that have no plot of their name, and says why.
"""

from types import ModuleType as _Module
from typing import Final as _Final

from kit.analysis.plots.bars import appeals as appeals
from kit.analysis.plots.bars import by_place as by_place
from kit.analysis.plots.bars import by_role as by_role
from kit.analysis.plots.bars import repeated_texts as repeated_texts
from kit.analysis.plots.bars import witnesses as witnesses
from kit.analysis.plots.bars import words as words
from kit.analysis.plots.curves import inter_event_times as inter_event_times
from kit.analysis.plots.curves import lags as lags
from kit.analysis.plots.curves import lorenz as lorenz
from kit.analysis.plots.curves import waiting_times as waiting_times
from kit.analysis.plots.heatmaps import retention as retention
from kit.analysis.plots.heatmaps import weekday_hour as weekday_hour
from kit.analysis.plots.intervals import agreement as agreement
from kit.analysis.plots.intervals import approval as approval
from kit.analysis.plots.intervals import concentration as concentration
from kit.analysis.plots.intervals import rates as rates
from kit.analysis.plots.network import witness_network as witness_network
from kit.analysis.plots.scatter import alike as alike
from kit.analysis.plots.scatter import burstiness as burstiness
from kit.analysis.plots.scatter import witness_degrees as witness_degrees
from kit.analysis.plots.series import cumulative as cumulative
from kit.analysis.plots.series import daily as daily
from kit.analysis.plots.series import growth as growth
from kit.analysis.plots.series import hourly as hourly
from kit.analysis.plots.series import new_and_returning as new_and_returning
from kit.analysis.plots.series import weekly as weekly
from kit.analysis.plots.style import PALETTE as PALETTE
from kit.analysis.plots.style import alt_text as alt_text
from kit.analysis.plots.style import picture as picture
from kit.analysis.plots.style import save as save

#: The functions of ``kit.participation`` without a plot of their name, and why.
NO_PLOT: _Final = {
    "bass": "growth draws it",
    "bulletin_totals": "a few printed numbers and their sum, to be compared digit by digit",
    "cases": "rates draws it, beside who took part",
    "head_count": "one row of totals",
    "logistic": "growth draws it",
}

#: What was imported here, and no module.
__all__ = [name for name, it in globals().items() if name[0] != "_" and not isinstance(it, _Module)]
