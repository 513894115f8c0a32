"""The installed distribution in, its version out."""

from functools import cache
from importlib import metadata


@cache
def version() -> str:
    """Return voicespan's version, read when first asked for."""
    try:
        return metadata.version("voicespan")
    except metadata.PackageNotFoundError:  # run from a source tree that was never installed
        return "0"
