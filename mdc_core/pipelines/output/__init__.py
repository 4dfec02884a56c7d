"""Where the events of the last stage of a pipeline go: which form, which columns, which file."""
