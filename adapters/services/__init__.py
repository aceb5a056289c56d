"""Services of a running session: control, alerts, heartbeat, metrics and logs."""
