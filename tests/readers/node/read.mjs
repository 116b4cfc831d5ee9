// Reads tokens with the library of Red5's Node sample: one token a line on
// standard input, one line of JSON each on standard output. The secret is the
// variable READER_SECRET, keyed by its own UTF-8 bytes.
import { createInterface } from 'node:readline';
import jwt from 'jsonwebtoken';

const secret = process.env.READER_SECRET;

for await (const token of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = { ok: true, claims: jwt.verify(token, secret, { algorithms: ['HS256'] }) };
  } catch (error) {
    answer = { ok: false, error: String(error.message) };
  }
  console.log(JSON.stringify(answer));
}
