"""The recipes that build what lies in assets/; run as python -m tools.NAME."""
