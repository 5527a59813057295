// The colours of the blocks and of the kinds of layers: places in the theme's list of categorical colours, which
// Streamlit gives as a CSS variable and which follows the theme.

import PALETTE from "../../palette.json" with { type: "json" }

/** In the order in which the blocks stand beside each other. */
export const BLOCK_KINDS = Object.keys(PALETTE.blocks)
/** The ends of a feature map's scale, by ground. */
export const MAP_COLOURS = PALETTE.maps

/** The theme's categorical colours, as they are in force at a node. */
function categoricalColours(node) {
  return getComputedStyle(node).getPropertyValue("--st-chart-categorical-colors").split(",").map((colour) => colour.trim())
}

/** {kind of block: colour}. */
export function blockColours(node) {
  const colours = categoricalColours(node)
  return Object.fromEntries(Object.entries(PALETTE.blocks).map(([kind, { colour }]) => [kind, colours[colour]]))
}

/** The colour of a trained variant that is no block of the paper, the first of the palette's. */
export function variantColour(node) {
  return categoricalColours(node)[PALETTE.variant]
}

/** The colour of a number below zero where a block's own colour stands for those above: like none of the blocks'. */
export function belowZeroColour(node) {
  const isDark = categoricalColours(node)[0].toLowerCase() === PALETTE.categorical.dark[0]
  return PALETTE.below_zero[isDark ? "dark" : "light"]
}

/** {kind of layer: colour}. */
export function layerKindColours(node) {
  const colours = categoricalColours(node)
  return Object.fromEntries(Object.entries(PALETTE.layer_kinds).map(([kind, place]) => [kind, colours[place]]))
}

/** Gives every node below `root` whose class is a kind of layer that kind's colour, as --ink. */
export function colourLayerKinds(root) {
  for (const [kind, colour] of Object.entries(layerKindColours(root))) {
    for (const node of root.querySelectorAll(`.${kind}`)) node.style.setProperty("--ink", colour)
  }
}

/** Gives style sheets the colours of numbers above and below zero, as --plus and --minus. */
export function setSignColours(root) {
  for (const [sign, colour] of Object.entries(PALETTE.signs)) root.style.setProperty(`--${sign}`, colour)
}
