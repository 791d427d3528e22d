"""Programs for those who work on filiation; none of this is shipped."""
