// Reads tokens with the library of Red5's Node sample. Standard input: a line
// with the secret, keyed by its own UTF-8 bytes, then one token a line. Standard
// output: one line of JSON for each token.
import { createInterface } from 'node:readline';
import jwt from 'jsonwebtoken';

let secret;

for await (const line of createInterface({ input: process.stdin })) {
  if (secret === undefined) {
    secret = line;
    continue;
  }
  let answer;
  try {
    answer = { ok: true, claims: jwt.verify(line, secret, { algorithms: ['HS256'] }) };
  } catch (error) {
    answer = { ok: false, error: String(error.message) };
  }
  console.log(JSON.stringify(answer));
}
