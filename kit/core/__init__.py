"""What is said and what is proved: the formats, and the steps that need no chain."""
