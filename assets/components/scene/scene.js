// The pictures of the story: each is drawn from what Python computed, sealed or with the answer.

import { colourLayerKinds } from "../common/palette.js"
import { drawAreas } from "./areas.js"
import { drawBars } from "./bars.js"
import { drawChains } from "./chains.js"
import { drawIntervals } from "./intervals.js"
import { drawPictures } from "./pictures.js"
import { drawSegments } from "./segments.js"
import { drawStack } from "./stack.js"
import { drawModules } from "./modules.js"
import { drawWindow } from "./window.js"

const DRAWINGS = {
  areas: drawAreas,
  bars: drawBars,
  chains: drawChains,
  intervals: drawIntervals,
  modules: drawModules,
  pictures: drawPictures,
  segments: drawSegments,
  stack: drawStack,
  window: drawWindow,
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".scene")
  const version = JSON.stringify(data)
  if (root.version === version) return // what a person moved in the picture stays
  root.version = version
  root.setAttribute("aria-label", data.summary)
  // a picture with a control of its own is a group, not an image
  root.setAttribute("role", data.scene === "stack" ? "group" : "img")
  root.replaceChildren(DRAWINGS[data.scene](data))
  colourLayerKinds(root)
}
