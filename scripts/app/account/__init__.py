"""The account beyond its sessions: its folder, ledger and store, for every command."""
