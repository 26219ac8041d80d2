"""The names that gan_zoo imports from pydantic, for `gpu.sh` where that is not installed. They validate nothing."""

from typing import Any

ValidationError = ValueError


def Field(**constraints: Any) -> tuple[tuple[str, Any], ...]:
    """The constraints as they are; nobody reads them."""
    return tuple(constraints.items())


class TypeAdapter:
    """Reading settings needs the real one."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        raise ImportError("pydantic is not installed: settings cannot be read")
