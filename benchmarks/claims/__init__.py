"""The ledger of claims: what papers say, held to runs by criteria that were written down before them."""
