"""How a score was measured, as a record says it: all that the number depends on beside the generated samples.

Rows whose protocols differ are not comparable. A protocol is a mapping to the end; exports of before hold it as one
text "key=value; key=value" and call the distribution of the data its law.
"""

from collections.abc import Mapping

Protocol = Mapping[str, str]

RENAMED = {"law": "distribution"}


def read_protocol(recorded: object) -> Protocol:
    """The protocol from a record's mapping, or from the text of older ones; what has no key is kept as one."""
    if isinstance(recorded, Mapping):
        found = {str(key): str(value) for key, value in recorded.items()}
    else:
        parts = [part.partition("=") for part in str(recorded or "").split("; ") if part]
        found = {key.strip(): value.strip() for key, _, value in parts}
    return {RENAMED.get(key, key): value for key, value in found.items()}


def protocol_text(protocol: Protocol) -> str:
    """A protocol in one line, "key=value; key=value"."""
    return "; ".join(f"{key}={value}" if value else key for key, value in protocol.items())


def differing(one: Protocol, other: Protocol) -> tuple[str, str]:
    """The parts of two protocols that are not in both, in words."""
    return protocol_text(_lacking(one, other)), protocol_text(_lacking(other, one))


def _lacking(protocol: Protocol, other: Protocol) -> Protocol:
    return {key: value for key, value in protocol.items() if other.get(key) != value}
