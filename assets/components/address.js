// Keeps the address bar equal to the page's state, so that a copied link is always the page that is seen.
// A control never makes a history entry: going back leaves the page, as it does with Streamlit's own widgets.

export default function ({ data }) {
  const address = new URL(location.href)
  for (const key of data.keys) address.searchParams.delete(key)
  for (const [key, value] of Object.entries(data.values)) address.searchParams.set(key, value)
  if (address.href !== location.href) history.replaceState(history.state, "", address)
}
