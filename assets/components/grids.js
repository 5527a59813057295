// Small grids of numbers to edit; a change is sent as the whole grid, a row after a row.

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".grids")
  const blocks = data.grids.map((grid) => {
    const box = document.createElement("fieldset")
    const legend = document.createElement("legend")
    legend.textContent = grid.label
    const table = document.createElement("div")
    table.className = "table"
    table.style.gridTemplateColumns = `${grid.rows[0] ? "auto " : ""}repeat(${grid.columns}, minmax(0, 44px))`
    const top = Math.max(...grid.values.map(Math.abs)) || 1
    const fields = []
    const send = () => {
      const values = fields.map((field) => (field.value.trim() === "" ? NaN : Number(field.value.replace(",", ".").replace("−", "-"))))
      const wrong = values.findIndex((value) => !(Math.abs(value) <= data.most))
      fields.forEach((field, i) => field.setAttribute("aria-invalid", String(i === wrong)))
      if (wrong < 0) setTriggerValue("edit", { grid: grid.key, values })
    }
    grid.values.forEach((value, i) => {
      const row = Math.floor(i / grid.columns)
      if (grid.rows[0] && i % grid.columns === 0) {
        const name = document.createElement("span")
        name.textContent = grid.rows[row]
        table.append(name)
      }
      const field = document.createElement("input")
      field.inputMode = "decimal"
      field.value = String(+value.toPrecision(3))
      field.ariaLabel = `${grid.label} ${row + 1}, ${(i % grid.columns) + 1}`
      field.className = value < 0 ? "minus" : "plus"
      field.style.setProperty("--share", `${Math.round((75 * Math.abs(value)) / top)}%`)
      field.onchange = send
      fields.push(field)
      table.append(field)
    })
    box.append(legend, table)
    return box
  })
  const place = [...root.querySelectorAll("input")].indexOf(root.getRootNode().activeElement)
  root.replaceChildren(...blocks)
  if (place >= 0) root.querySelectorAll("input")[place]?.focus()
}
