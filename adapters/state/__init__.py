"""What belongs to an account and outlives its sessions, kept on this machine for its user."""
