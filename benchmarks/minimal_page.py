"""A minimal page to compare the app with: one slider, one metric, one chart; for other benchmarks."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

value = st.slider("value", 0, 100, 50, key="value")
st.metric("square", value**2)
x = np.arange(50)
st.plotly_chart(go.Figure(go.Scatter(x=x, y=value * x)), key="chart")
