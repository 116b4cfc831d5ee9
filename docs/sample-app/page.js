// What the page shows. What it asks of the bridge is in bridge-client.js.

import { bridge, call, signIn, signOut, tokenToPublish, tokenToWatch } from './bridge-client.js'

/** The token that each client of the Red5 SDK needs. */
const CLIENTS = { WHIPClient: tokenToPublish, WHEPClient: tokenToWatch }

const UNREADABLE =
  `This page cannot read the answer of ${bridge}. Either the bridge does not run, ` +
  `or ${location.origin} is not in its BRIDGE_ALLOWED_ORIGINS.`

const part = (id) => document.getElementById(id)

/** Shows one of the two parts of the page, or neither. */
function showPart(id) {
  part('signed-out').hidden = id !== 'signed-out'
  part('signed-in').hidden = id !== 'signed-in'
}

const inWords = (list) => (list[0] === '*' ? 'any' : list.join(', '))

async function showPerson() {
  const { identity, entitlement } = await call('/api/session')
  part('person').textContent = identity.name ?? identity.username ?? identity.subject
  for (const { roles, transports, rooms } of entitlement) {
    const item = document.createElement('li')
    item.textContent = `${inWords(roles)} over ${inWords(transports)} in ${inWords(rooms)}`
    part('grants').append(item)
  }
  part('status').textContent = entitlement.length > 0 ? 'You are signed in.' : 'You are signed in. Nothing is granted to you.'
  showPart('signed-in')
}

async function showToken() {
  const { client, room, streamName } = Object.fromEntries(new FormData(part('form')))
  const token = await CLIENTS[client](room)
  part('call').textContent = `await client.init(${JSON.stringify({ ...token.red5, streamName }, null, 2)})`
  part('client').textContent = client
  part('until').textContent = new Date(token.expires_at).toLocaleTimeString()
  part('result').hidden = false
  part('status').textContent = 'Here is a token.'
}

function showRefusal(refusal) {
  part('status').textContent = ''
  if (refusal.code === 'not_signed_in') {
    part('status').textContent = 'You are not signed in.'
    part('sign-in').onclick = () => signIn(refusal)
    showPart('signed-out')
  } else if (refusal.code) {
    part('problem').textContent = `${refusal.detail} (${refusal.code})`
  } else {
    part('problem').textContent = UNREADABLE
  }
}

async function attempt(step) {
  part('problem').textContent = ''
  part('result').hidden = true
  await step().catch(showRefusal)
}

part('form').addEventListener('submit', (event) => {
  event.preventDefault()
  attempt(showToken)
})
part('sign-out').addEventListener('click', () => attempt(signOut))
attempt(showPerson)
