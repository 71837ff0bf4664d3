"""The database: connections and transactions, tables, migrations."""
