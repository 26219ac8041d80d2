"""The one exception that a user is meant to read."""


class UserError(Exception):
    """Bad input. The message is one line that names the place, the key and the remedy."""
