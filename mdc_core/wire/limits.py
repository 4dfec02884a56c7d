"""How much is taken at once, so that no input takes more than 500 MB of memory."""

ROWS = 16_384
BYTES = 32 << 20  # of columns as they are written out
MAX_EVENT = 64 << 20
MAX_BODY = 256 << 20  # of an Arrow batch or a Parquet column chunk, as it comes and unpacked
MAX_RATIO = 100  # of a chunk that is larger: what it unpacks to, for a byte
LONG_TEXTS = 16 << 10  # of a column of texts from which it is read as a dictionary
MAX_LINE = 64 << 20
LONG_BLOCK = 8 << 20  # of lines, from which each is looked at by itself
MAX_VALUES = 1_000_000  # in such a line: an object of Python each
