"""The least page to hold the app against: one slider, one metric, one chart; for benchmarks/interaction.py only."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

value = st.slider("value", 0, 100, 50, key="value")
st.metric("square", value**2)
x = np.arange(50)
st.plotly_chart(go.Figure(go.Scatter(x=x, y=value * x)), key="chart")
