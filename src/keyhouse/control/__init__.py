"""Use cases: one file per resource, one function per verb. No HTTP, no HTML, no terminal: the faces call these."""
