"""Reading and changing each kind of record, within a transaction that is given."""
