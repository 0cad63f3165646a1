"""The report: one HTML file with the audit's verdict, and who took part, in tables and plots.

It is made from an export alone (see ``kit.audit.export``), and needs nothing else to be read: pictures are
inside, no script, no font and no request. The verdict comes first, since the rest is worth what it
is worth. Only proved records are counted. What can't be computed says why, and the rest follows. The
same export gives the same bytes, on the same versions of the kit and what it uses.

Everything that people wrote is escaped, and the page's own policy forbids it to load anything.

``make`` writes the file; ``sections`` says what stands in it, ``parts`` how a table and a plot are
shown, ``words`` what they are called.
"""

from kit.views.report.make import build, write

__all__ = ["build", "write"]
