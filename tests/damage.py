"""Damage to a file, drawn: for tests that every damage is noticed."""


def damaged(content: bytes, kind: int, place: int, more: int) -> bytes:
    """`content` with a flipped bit, a lost end, a lost part, or a part that is doubled or foreign."""
    at = place % len(content)
    return [
        content[:at] + bytes([content[at] ^ (1 << more % 8)]) + content[at + 1 :],
        content[:at],
        content[:at] + content[at + 1 + more % 40 :],
        content[:at] + content[max(0, at - 1 - more % 40) :],
        content[:at] + bytes(1 + more % 40) + content[at:],
    ][kind % 5]
