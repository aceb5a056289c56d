"""An account beyond its sessions: its history at the terminal, and its standing."""
