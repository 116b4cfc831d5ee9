// All that an app asks of the bridge. docs/apps.md shows these lines.

export const bridge = 'https://bridge.example.com'

/** Answers with the body. A refusal is thrown, with the members of its body. */
export async function call(path, options = {}) {
  const answer = await fetch(bridge + path, { credentials: 'include', ...options })
  const body = await answer.json()
  if (!answer.ok) throw Object.assign(new Error(body.detail), body)
  return body
}

export const post = (path, body = {}) =>
  call(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Red5-Bridge': '1' },
    body: JSON.stringify(body),
  })

/** After a refusal `not_signed_in`: to the provider, and back to this page. */
export function signIn({ login_url }) {
  location.assign(`${login_url}?return_to=${encodeURIComponent(location.href)}`)
}

export const tokenToPublish = (room) =>
  post('/api/token', { roles: ['red5-publisher'], rooms: [room], transports: ['WHIP'] })

export const tokenToWatch = (room) =>
  post('/api/token', { roles: ['red5-subscriber'], rooms: [room], transports: ['WHEP'] })

export async function signOut() {
  const { end_session_url } = await post('/api/logout')
  location.assign(end_session_url ?? '/')
}
