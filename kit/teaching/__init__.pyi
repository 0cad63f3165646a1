from .helpers import check as check
from .helpers import engines as engines
from .helpers import hint as hint
from .helpers import mix_in as mix_in
from .helpers import ready as ready
from .helpers import refused as refused
from .helpers import spark as spark
from .helpers import tamper as tamper
