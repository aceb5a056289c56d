"""Speed and memory of a replay, measured against a bare loop; run as `python -m tests.bench`."""
