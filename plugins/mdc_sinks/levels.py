"""Levels of compression: which codec has which."""

_HIGHEST = {"gzip": 9, "lz4": 12, "zstd": 22}


def check_level(codec: str, level: int | None) -> None:
    """Raise ValueError for a level that a codec does not have."""
    if level is not None and not 1 <= level <= _HIGHEST.get(codec, 0):
        levels = ", ".join(f"{name} 1 to {most}" for name, most in _HIGHEST.items())
        raise ValueError(f"{codec} has no level {level} (there are: {levels})")
