"""Result -> plotly Figure, one function a figure; nothing is computed here."""
