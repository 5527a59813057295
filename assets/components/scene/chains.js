// Blocks, each as a row of its layers.

import { element } from "../common/dom.js"

export function drawChains(data) {
  const chains = element("div", "chains")
  for (const block of data.blocks) {
    const chain = element("div", "chain")
    chain.append(element("span", "", block.name))
    block.layers.forEach((layer, i) => {
      if (i) chain.append(element("span", "arrow", "→"))
      chain.append(element("span", `layer ${layer.kind} ${layer.is_between ? "between" : ""}`, layer.text))
    })
    chains.append(chain)
  }
  return chains
}
