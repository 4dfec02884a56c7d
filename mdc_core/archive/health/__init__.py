"""Whether an archive is sound, and making its catalog again."""
