// Small grids of numbers to edit; a change is sent as all numbers of its grid, row by row.

import { element } from "../common/dom.js"
import { setSignColours } from "../common/palette.js"

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".grids")
  setSignColours(root)
  const blocks = data.grids.map((grid) => {
    const box = element("fieldset")
    const table = element("div", "table")
    table.style.gridTemplateColumns = `${grid.rows[0] ? "max-content " : ""}repeat(${grid.columns}, minmax(0, 44px))`
    const largest = Math.max(...grid.values.map(Math.abs)) || 1
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
        table.append(element("span", "", grid.rows[row]))
      }
      const field = element("input")
      field.inputMode = "decimal"
      field.value = String(+value.toPrecision(3))
      field.ariaLabel = `${grid.label} ${row + 1}, ${(i % grid.columns) + 1}`
      field.className = value < 0 ? "minus" : "plus"
      field.style.setProperty("--share", `${Math.round((75 * Math.abs(value)) / largest)}%`)
      field.onchange = send
      fields.push(field)
      table.append(field)
    })
    box.append(element("legend", "", grid.label), table)
    return box
  })
  const focused = [...root.querySelectorAll("input")].indexOf(root.getRootNode().activeElement)
  root.replaceChildren(...blocks)
  if (focused >= 0) root.querySelectorAll("input")[focused]?.focus()
}
