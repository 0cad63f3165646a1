"""Who took part: tables from the records that were proved on the chain.

Every function takes the table of ``Diary.records()``, or one with the columns it needs, and counts
only the rows with ``proved``; ``head_count`` says how many rows were left out. A participant is an
author, that is a key: one person can have many, and many people can share one. A day begins at
midnight in Fujian unless another zone is given.

The table may be a pandas, Polars (eager or lazy), Dask or PySpark frame, a DuckDB relation or a
PyArrow table; the result is of the same kind. Rows are counted where they are, by their own engine;
what comes into memory is said in each function. Where a row stands for a time or a place, pandas
has it as the index; elsewhere it is the first column. Times of day are those on the wall, without
a zone. Where something can't be computed the value is missing.

Each name stands once, in the imports below, beside the module that has it.
"""

from types import ModuleType as _Module

from kit.analysis.participation.bulletin import CITIES as CITIES
from kit.analysis.participation.bulletin import PREFECTURES as PREFECTURES
from kit.analysis.participation.bulletin import bulletin_totals as bulletin_totals
from kit.analysis.participation.bulletin import cases as cases
from kit.analysis.participation.bulletin import rates as rates
from kit.analysis.participation.burstiness import burstiness as burstiness
from kit.analysis.participation.burstiness import inter_event_times as inter_event_times
from kit.analysis.participation.coordination import alike as alike
from kit.analysis.participation.coordination import repeated_texts as repeated_texts
from kit.analysis.participation.counts import by_place as by_place
from kit.analysis.participation.counts import by_role as by_role
from kit.analysis.participation.counts import cumulative as cumulative
from kit.analysis.participation.counts import daily as daily
from kit.analysis.participation.counts import head_count as head_count
from kit.analysis.participation.counts import hourly as hourly
from kit.analysis.participation.counts import new_and_returning as new_and_returning
from kit.analysis.participation.counts import retention as retention
from kit.analysis.participation.counts import weekday_hour as weekday_hour
from kit.analysis.participation.counts import weekly as weekly
from kit.analysis.participation.frames import ZONE as ZONE
from kit.analysis.participation.growth import Growth as Growth
from kit.analysis.participation.growth import bass as bass
from kit.analysis.participation.growth import logistic as logistic
from kit.analysis.participation.inequality import concentration as concentration
from kit.analysis.participation.inequality import lorenz as lorenz
from kit.analysis.participation.lags import lags as lags
from kit.analysis.participation.moderation import agreement as agreement
from kit.analysis.participation.moderation import appeals as appeals
from kit.analysis.participation.moderation import approval as approval
from kit.analysis.participation.moderation import waiting_times as waiting_times
from kit.analysis.participation.witnesses import witness_degrees as witness_degrees
from kit.analysis.participation.witnesses import witness_network as witness_network
from kit.analysis.participation.witnesses import witnesses as witnesses
from kit.analysis.participation.words import words as words

#: What was imported here, and no module.
__all__ = [name for name, it in globals().items() if name[0] != "_" and not isinstance(it, _Module)]
