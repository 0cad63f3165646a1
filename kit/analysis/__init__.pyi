from . import participation as participation
from . import plots as plots
