from . import analysis as analysis
from . import audit as audit
from . import chain as chain
from . import core as core
from . import diary as diary
from . import errors as errors
from . import fonts as fonts
from . import log as log
from . import people as people
from . import places as places
from . import teaching as teaching
from . import views as views
from .analysis import participation as participation
from .analysis import plots as plots
from .audit import export as export
from .audit import read as read
from .core import Certificate as Certificate
from .diary import Diary as Diary
from .errors import KitError as KitError
from .log import verify as verify
from .teaching import data as data
from .teaching import simulate as simulate
from .views.desk import desk as desk
from .views.timeline import timeline as timeline

__version__: str

def load_ipython_extension(shell: object) -> None: ...
