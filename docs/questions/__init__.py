"""How the fifteen questions of `docs/screens.md` are answered: one file for each kind of screen."""
