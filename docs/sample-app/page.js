// A page that gets its tokens by the bridge's module, and shows what it would hand to the Red5 SDK.

import { Red5Bridge, toPublish, toWatch } from 'https://bridge.example.com/client/red5-bridge.js'

const ADDRESS = 'https://bridge.example.com'

// On the bridge's own site the session cookie does. From another site the app is a registered client.
const isSameSite = location.hostname === new URL(ADDRESS).hostname
const bridge = new Red5Bridge({ bridge: ADDRESS, ...(isSameSite ? {} : { clientId: 'sample-app' }) })

/** What each client of the Red5 SDK needs. */
const ASKS = { WHIPClient: toPublish, WHEPClient: toWatch }

const part = (id) => document.getElementById(id)

const inWords = (list) => (list[0] === '*' ? 'any' : list.join(', '))

/** What the SDK would hold: its token is renewed, until another one is asked for. */
let handed

/** Shows one of the two parts of the page, or neither. */
function showPart(id) {
  part('signed-out').hidden = id !== 'signed-out'
  part('signed-in').hidden = id !== 'signed-in'
}

/** The person and what is granted, as far as the way of the sign-in tells. */
async function whoAndWhat() {
  if (isSameSite) {
    const { identity, entitlement } = await bridge.session()
    return [identity.name ?? identity.username ?? identity.subject, entitlement]
  }
  const token = await bridge.token()
  return ['Signed in by OAuth', [token, ...token.left_out]]
}

async function showPerson() {
  if (!bridge.signedIn) {
    part('status').textContent = 'You are not signed in.'
    showPart('signed-out')
    return
  }
  const [name, grants] = await whoAndWhat()
  part('person').textContent = name
  const items = grants.map(({ roles, transports, rooms }) => {
    const item = document.createElement('li')
    item.textContent = `${inWords(roles)} over ${inWords(transports)} in ${inWords(rooms)}`
    return item
  })
  part('grants').replaceChildren(...items)
  const rooms = new Set(grants.flatMap((grant) => grant.rooms).filter((room) => !room.includes('*')))
  part('rooms').replaceChildren(...[...rooms].map((room) => new Option(room, room)))
  part('status').textContent = grants.length > 0 ? 'You are signed in.' : 'You are signed in. Nothing is granted to you.'
  showPart('signed-in')
}

function showHanded() {
  part('call').textContent = `await client.init(${JSON.stringify(handed, null, 2)})`
  part('result').hidden = false
}

async function getToken() {
  const { client, room, streamName } = Object.fromEntries(new FormData(part('form')))
  if (handed) bridge.release(handed)
  handed = await bridge.init(ASKS[client](room), { streamName })
  part('client').textContent = client
  showHanded()
  part('status').textContent = 'Here is a token.'
}

async function attempt(step) {
  part('problem').textContent = ''
  part('result').hidden = true
  try {
    await step()
  } catch ({ code, message }) {
    part('status').textContent = ''
    part('problem').textContent = code ? `${message} (${code})` : message
  }
}

part('form').addEventListener('submit', (event) => {
  event.preventDefault()
  attempt(getToken)
})
part('sign-in').addEventListener('click', () => attempt(() => bridge.signIn()))
part('sign-in-window').addEventListener('click', () => attempt(() => bridge.signIn({ popup: true })))
part('sign-out').addEventListener('click', () => attempt(() => bridge.signOut()))
for (const change of ['signedin', 'signedout']) bridge.addEventListener(change, () => attempt(showPerson))
bridge.addEventListener('token', showHanded)
bridge.addEventListener('refused', ({ detail }) => attempt(() => { throw detail.error }))
bridge.addEventListener('waiting', ({ detail }) => {
  part('status').textContent = `The bridge is busy. It is asked again in ${Math.ceil(detail.seconds)} seconds.`
})
attempt(async () => {
  // A sign-in that failed can be tried again.
  if (!isSameSite) showPart('signed-out')
  await bridge.start()
  await showPerson()
})
