"""Bars before any signal: server clocks, aggregation, spacing and validation."""
