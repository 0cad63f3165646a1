from .archive import Archive as Archive
from .diary import Diary as Diary
from .diary import lesson_salt as lesson_salt
from .records import COLUMNS as COLUMNS
from .records import ERASED as ERASED
from .timeline import entries as entries
from .trace import Line as Line
from .trace import Trace as Trace
