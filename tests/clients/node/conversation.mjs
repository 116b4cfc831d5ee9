// What a program and the test tell each other, in lines of JSON. The test begins with the settings
// of a client; it plays the person at the browser and answers where that led.

import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

async function line() {
  const { value, done } = await lines.next()
  if (done) throw new Error('the test said no more')
  return JSON.parse(value)
}

/** The settings: issuer, client_id, client_secret, redirect_uri, scope and subject tokens. */
export const settings = await line()

function say(step, content) {
  console.log(JSON.stringify({ step, ...content }))
}

/** Tells the answer to a grant. */
export function granted(grant, answer) {
  say('granted', { grant, answer })
}

/** Tells with which error code a grant was refused. */
export function refused(grant, error) {
  say('refused', { grant, error })
}

/** Opens an address in the browser, and returns the one that it came back to. */
export async function open(address) {
  say('open', { address: String(address) })
  return new URL(await line())
}

/** Shows the codes of a device to the person, who has approved it afterwards. */
export async function showCodes(codes) {
  say('show_codes', { codes })
  await line()
}

/** Ends the program, whatever timers a library keeps. */
export function end() {
  process.exit(0)
}
