"""Plots of the tables in ``kit.participation``: a function for each, with the same name.

Each takes a table, or the network or the fit, draws it on ``ax`` (or on a figure of its own), and
returns the axes::

    kit.plots.daily(kit.participation.daily(records), source="the diary of …")

The table may be of any kind that ``kit.participation`` knows; it is small and comes into memory.
Titles and labels are in Chinese and English, in the kit's own fonts. Below stands how many it is (n)
and the source; and where a character is in none of those fonts, what the sign in its place stands for.
What the table says of itself goes on: where its ``attrs`` say ``simulated``, so does the plot. Frames
other than pandas' have no ``attrs``: say it in the source.

Whatever people wrote is drawn as text, and no ``$`` makes a formula of it. An empty table makes a
plot that says so. ``alt_text`` returns what is to be seen in words; the figure has it as its label,
and ``save`` (or ``picture``, which returns bytes) puts it into the file.

The colours are Okabe and Ito's, which people with colour-blindness can tell apart (M. Okabe and
K. Ito, Color Universal Design, 2008); heat maps are in cividis (J. Nuñez, C. Anderton, R. Renslow,
Optimizing colormaps with consideration for color vision deficiency, PLOS ONE 13, 2018).

- ``series``: hourly, daily, weekly, new_and_returning, cumulative, growth
- ``bars``: by_place, by_role, words, repeated_texts, witnesses, appeals
- ``heat``: weekday_hour, retention
- ``curves``: lorenz, inter_event_times, waiting_times
- ``intervals``: rates, approval, agreement, concentration
- ``dots``: burstiness, witness_degrees, alike
- ``network``: witness_network
- ``style``: what they share

``NO_PLOT`` names the functions of ``kit.participation`` that have no plot of their name, and says why.
"""

from __future__ import annotations

from typing import Final

from kit.analysis.plots.bars import appeals, by_place, by_role, repeated_texts, witnesses, words
from kit.analysis.plots.curves import inter_event_times, lorenz, waiting_times
from kit.analysis.plots.heatmaps import retention, weekday_hour
from kit.analysis.plots.intervals import agreement, approval, concentration, rates
from kit.analysis.plots.network import witness_network
from kit.analysis.plots.scatter import alike, burstiness, witness_degrees
from kit.analysis.plots.series import cumulative, daily, growth, hourly, new_and_returning, weekly
from kit.analysis.plots.style import PALETTE, alt_text, picture, save

__all__ = [
    "NO_PLOT",
    "PALETTE",
    "agreement",
    "alike",
    "alt_text",
    "appeals",
    "approval",
    "burstiness",
    "by_place",
    "by_role",
    "concentration",
    "cumulative",
    "daily",
    "growth",
    "hourly",
    "inter_event_times",
    "lorenz",
    "new_and_returning",
    "picture",
    "rates",
    "repeated_texts",
    "retention",
    "save",
    "waiting_times",
    "weekday_hour",
    "weekly",
    "witness_degrees",
    "witness_network",
    "witnesses",
    "words",
]

#: The functions of ``kit.participation`` without a plot of their name, and why.
NO_PLOT: Final = {
    "audit": "a verdict in steps, which shows itself as a table",
    "bass": "growth draws it",
    "bulletin_totals": "a few printed numbers and their sum, to be compared digit by digit",
    "cases": "rates draws it, beside who took part",
    "head_count": "one row of totals",
    "logistic": "growth draws it",
}
