// The person's secret in the browser's own storage: what this browser keeps, where the server proposes one.

const KEY = "xception-lab.person"
const FORM = /^[0-9a-f]{32}$/

let answered = null // a run that comes before the answer has arrived must not be answered once more

function keep(proposal) {
  try {
    const own = localStorage.getItem(KEY)
    if (own && FORM.test(own)) return own
    localStorage.setItem(KEY, proposal)
    return localStorage.getItem(KEY) === proposal ? proposal : ""
  } catch {
    return "" // storage is forbidden or full: the person lasts as long as the session
  }
}

/** send: gets the secret of this browser where it is not the proposed one, and "" where none can be kept. */
export function agreeOnPerson(proposal, send) {
  if (!proposal || answered === proposal) return
  const own = keep(proposal)
  if (own === proposal) return
  answered = proposal
  send(own)
}
