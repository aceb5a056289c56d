"""Sweeps over parameters: many trials of one preset, and how much of the best one is luck."""
