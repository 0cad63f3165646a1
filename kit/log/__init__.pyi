from .contract import EVENT_COLUMNS as EVENT_COLUMNS
from .contract import MODERATOR_ROLE as MODERATOR_ROLE
from .contract import REGISTRAR_ROLE as REGISTRAR_ROLE
from .contract import Log as Log
from .verification import verify as verify
