"""How fast, against what: one script per question, each of which prints one table; run as python -m benchmarks.NAME."""
