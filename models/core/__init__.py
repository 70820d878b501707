"""What all domains share: money, keys, errors, text, terms, cases, attempts, the database."""
