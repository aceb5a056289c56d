"""The broker of a paper account: ledger, pending orders, matching, swap and conversion."""
