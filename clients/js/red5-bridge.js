// @ts-check
/**
 * Tokens of a Red5 identity bridge for a page: by the session cookie on the bridge's own site, or
 * by authorization code with PKCE from any site (RFC 6749, 7636, 9207, 9700).
 *
 * Tokens live in the memory of the tabs of one origin and nowhere else. The tabs share them over a
 * BroadcastChannel, and a lock lets one tab at a time ask the bridge.
 */

/**
 * @typedef {object} BridgeOptions
 * @property {string} bridge Public URL of the bridge.
 * @property {string} [clientId] Id of a registered public client. With it the page signs in by
 *   authorization code and PKCE; without it, by the session cookie.
 * @property {string} [redirectUri] Address to which a sign-in comes back: with `clientId` one that is
 *   registered. This page without query and fragment, unless given.
 * @property {string} [scope] With `clientId`: the most that is asked for, in words of a scope
 *   (`red5-subscriber transport:WHEP`). What is not named is as wide as the bridge allows.
 */

/**
 * What a token is wanted for. A list that is named comes back exactly, or the bridge refuses.
 * @typedef {object} Ask
 * @property {string[]} [roles] `red5-publisher`, `red5-subscriber`
 * @property {string[]} [rooms] Names of rooms, or `["*"]` for any.
 * @property {string[]} [transports] `RTMP`, `RTSP`, `WHIP`, `WHEP`, or `["*"]` for any.
 */

/** @typedef {{ roles: string[], transports: string[], rooms: string[] }} Grant */

/**
 * The bridge's answer, as `docs/apps.md` describes it.
 * @typedef {object} Token
 * @property {string} access_token
 * @property {number} expires_in Seconds from the answer on.
 * @property {string} expires_at
 * @property {string} scope
 * @property {string[]} roles
 * @property {string[]} rooms
 * @property {string[]} transports
 * @property {string | null} ttl_limited_by
 * @property {Grant[]} left_out
 * @property {Red5Init & { endpoints?: Record<string, string> }} red5
 * @property {number} mapping_version
 */

/**
 * What the `init` of the Red5 HTML5 SDK takes.
 * @typedef {{ connectionParams: Record<string, string> } & Record<string, any>} Red5Init
 */

/**
 * @typedef {object} SignInOptions
 * @property {boolean} [popup] In a window of its own. Call it from a click, or browsers block it.
 * @property {'none' | 'login' | 'select_account'} [prompt] With a cookie only `select_account`.
 * @property {string} [loginHint] With `clientId`: the name to offer at the provider.
 * @property {AbortSignal} [signal] Stops waiting for the window, which cannot be observed.
 */

/** @typedef {{ state: string, verifier: string, redirectUri: string, from: string }} Attempt */

/** @typedef {{ answer: Token, life: number, date: number, mark: number }} KnownToken */

/**
 * @typedef {object} Kept
 * @property {Ask} ask
 * @property {Set<Red5Init>} inits
 * @property {ReturnType<typeof setTimeout>} [timer]
 */

/** How long a window or another tab may take to answer, in milliseconds. */
const TAB_MS = 500;
/** The same for a request. */
const REQUEST_MS = 30_000;
/** The same for the tab that holds the lock: it may be suspended. */
const LOCK_MS = 120_000;
/** The longest `Retry-After` that is waited for, in seconds. */
const WAIT_MAX_SECONDS = 60;
/** Requests for one token before the refusal of a busy bridge is passed on. */
const TRIES = 5;
/** A token is renewed at least so long before its end, or at a quarter of its life. */
const EARLY_MS = 60_000;
/** Time until a renewal that failed is tried again. */
const AGAIN_MS = 5_000;
/** A token that has so long left is handed out while the bridge is away. */
const OLD_MS = 10_000;

/** Parameter with which a window comes back from a sign-in by cookie. */
const POPUP = 'red5_bridge_popup';

/** Answers to `prompt=none` that mean "ask the person" (OpenID Connect Core §3.1.2.6). */
const ASK_THE_PERSON = ['login_required', 'consent_required', 'interaction_required', 'account_selection_required'];

/** What publishing in a room by WHIP needs. @param {string} room @returns {Ask} */
export const toPublish = (room) => ({ roles: ['red5-publisher'], rooms: [room], transports: ['WHIP'] });

/** What watching in a room by WHEP needs. @param {string} room @returns {Ask} */
export const toWatch = (room) => ({ roles: ['red5-subscriber'], rooms: [room], transports: ['WHEP'] });

/** A refusal, or no answer. `message` is for people. */
export class BridgeError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ status?: number, retryAfter?: number | null, members?: Record<string, any> }} [more]
   */
  constructor(code, message, { status = 0, retryAfter = null, members = {} } = {}) {
    super(message);
    this.name = 'BridgeError';
    /** Stable: `docs/apps.md` lists the codes of the bridge. */
    this.code = code;
    /** Status of the answer; 0 without one. */
    this.status = status;
    /** Seconds of `Retry-After`. */
    this.retryAfter = retryAfter;
    /** Members of the answer, such as `refused` or `patterns`. */
    this.members = members;
  }

  /** Whether the bridge asks to come back later. */
  get isBusy() {
    return this.status === 429 || this.status === 503;
  }

  /** Whether the sign-in is over. */
  get isSignedOut() {
    return this.code === 'not_signed_in' || ['invalid_grant', 'invalid_client'].includes(this.members.error);
  }
}

/**
 * The sign-in and the tokens of a page.
 *
 * Events, each a `CustomEvent`:
 * - `signedin`, `signedout`: in whichever tab it happened.
 * - `token`, `{ ask, token }`: a token that is kept was renewed.
 * - `refused`, `{ ask, error }`: it could not be renewed.
 * - `waiting`, `{ seconds, error }`: the bridge is busy, and is asked again after so many seconds.
 */
export class Red5Bridge extends EventTarget {
  /** @type {string} */ #bridge;
  /** @type {string | null} */ #clientId;
  /** @type {string} */ #redirectUri;
  /** @type {string} */ #scope;
  /** Of channel, lock and the item in sessionStorage. @type {string} */ #name;
  /** @type {BroadcastChannel} */ #channel;
  #closed = new AbortController();

  /** Raised by each change of what the tabs share; the highest is the newest. */
  #turn = 0;
  #signedIn = false;
  /** @type {string | null} */ #refreshToken = null;
  /** By the words of its scope. @type {Map<string, KnownToken>} */ #tokens = new Map();

  /** Renewed until it is released. By the words of its scope. @type {Map<string, Kept>} */ #kept = new Map();
  /** The question to the other tabs. @type {{ id: string, missing: number, done: () => void } | null} */ #question = null;
  /** Windows that are signing in, by state. @type {Map<string, (parameters: Record<string, string>) => void>} */ #windows = new Map();
  /** The sign-in that this page comes back from. @type {Attempt | null} */ #attempt = null;
  /** What the address said of it. @type {Record<string, string> | null} */ #returned = null;
  /** @type {Promise<{ signedIn: boolean, from: string | null }> | undefined} */ #started;

  /** Reads what a sign-in left in the address, and removes it there. @param {BridgeOptions} options */
  constructor({ bridge, clientId, redirectUri, scope = '' }) {
    super();
    this.#bridge = new URL(bridge).href.replace(/\/+$/, '');
    this.#clientId = clientId ?? null;
    this.#redirectUri = redirectUri ?? location.origin + location.pathname;
    this.#scope = scope;
    this.#name = `red5-bridge ${this.#bridge} ${clientId ?? ''}`;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#attempt = this.#takeAttempt();
    this.#returned = this.#takeParameters();
    const { signal } = this.#closed;
    // Counted by the other tabs for as long as this page lives.
    navigator.locks?.request(`${this.#name} tab`, { mode: 'shared' }, () => new Promise((done) => {
      signal.addEventListener('abort', done);
    }));
    // Timers stand still while a machine sleeps.
    const look = () => this.#armAll();
    document.addEventListener('visibilitychange', look, { signal });
    addEventListener('online', look, { signal });
    addEventListener('pageshow', ({ persisted }) => {
      if (persisted) this.#takeAttempt();
      look();
    }, { signal });
  }

  /** Whether a sign-in is valid, as far as this page knows. */
  get signedIn() {
    return this.#signedIn;
  }

  /**
   * Finishes a sign-in that this page comes back from, and finds out whether one is valid. `from` is
   * the address at which the sign-in was begun. With `silent`, a page that signs in by code goes to
   * the bridge and comes back without a question if there is no sign-in here.
   * @param {{ silent?: boolean }} [options]
   */
  start({ silent = false } = {}) {
    this.#started ??= this.#start(silent);
    return this.#started;
  }

  /** @param {boolean} silent */
  async #start(silent) {
    const [attempt, returned] = [this.#attempt, this.#returned];
    if (returned && (!attempt || returned.state !== attempt.state)) return this.#handToOpener(returned);
    if (!attempt || (this.#clientId && !returned)) {
      await this.#askTabs();
    } else if (!returned) {
      // Back by cookie: what other tabs have may be another person's.
      await this.#alone(() => this.#change({ tokens: new Map() }));
    } else {
      await this.#redeem(returned, attempt).catch((error) => {
        if (!ASK_THE_PERSON.includes(error.code)) throw error;
      });
    }
    if (!this.#clientId) await this.#look();
    if (silent && this.#clientId && !this.#signedIn && !returned) await this.signIn({ prompt: 'none' });
    return { signedIn: this.#signedIn, from: attempt?.from ?? null };
  }

  /** Signs in. Without `popup` the page is left, and `start` of the next one finishes it. @param {SignInOptions} [options] */
  async signIn({ popup = false, prompt, loginHint, signal } = {}) {
    // Opened before anything is awaited: later, browsers would block it.
    const target = popup ? open('', '_blank', 'popup,width=480,height=720') : null;
    if (popup && !target) throw new BridgeError('popup_blocked', 'The browser blocked the window. Allow it for this page, or sign in without one.');
    const attempt = { state: random(), verifier: random(), redirectUri: this.#redirectUri, from: location.href };
    const address = await this.#signInAddress(attempt, popup, prompt, loginHint);
    if (!target) {
      sessionStorage.setItem(this.#name, JSON.stringify(attempt));
      location.assign(address);
      await new Promise(() => {});
      return;
    }
    // The bridge's pages cut the window off from this one, so it answers over the channel.
    const answer = new Promise((resolve, reject) => {
      this.#windows.set(attempt.state, resolve);
      signal?.addEventListener('abort', () => reject(signal.reason));
    });
    target.opener = null;
    target.location.replace(address);
    try {
      const returned = await answer;
      if (this.#clientId) await this.#redeem(returned, attempt);
      else await this.#alone(() => this.#change({ signedIn: true, tokens: new Map() }));
    } finally {
      this.#windows.delete(attempt.state);
    }
  }

  /**
   * Signs out in all tabs. By cookie the page is left for the provider's sign-out, unless `stay`; by
   * code what this app holds is revoked, and the person stays signed in at the bridge.
   * @param {{ stay?: boolean }} [options]
   */
  async signOut({ stay = false } = {}) {
    let next = null;
    if (this.#clientId) {
      await this.#askTabs();
      const token = this.#refreshToken;
      this.#signedOut();
      if (token) await this.#post('/oauth2/revoke', { token, client_id: this.#clientId });
    } else {
      const over = (/** @type {BridgeError} */ error) => {
        if (!error.isSignedOut) throw error;
        return {};
      };
      next = (await this.#post('/api/logout', {}).catch(over)).end_session_url;
      this.#signedOut();
    }
    if (next && !stay) location.assign(next);
  }

  /** Who is signed in and what is granted; by cookie only. @returns {Promise<any>} */
  async session() {
    if (this.#clientId) throw new TypeError('with clientId there is no session to read: use token()');
    try {
      return await this.#call('/api/session', {});
    } catch (error) {
      throw this.#noted(error);
    }
  }

  /** A token that is not about to end. @param {Ask} [ask] @returns {Promise<Token>} */
  async token(ask = {}) {
    const words = wordsOf(ask);
    const old = this.#tokens.get(words);
    const good = () => {
      const token = this.#tokens.get(words);
      return token && left(token) > earlyOf(token) ? token.answer : null;
    };
    const asked = (async () => good() ?? this.#alone(async () => good() ?? this.#exchange(ask, words)))();
    if (!old || left(old) < OLD_MS) return asked;
    // While the bridge is away or busy, the one that is still good serves.
    return Promise.race([asked, sleep(OLD_MS / 2).then(() => old.answer)]).catch((error) => {
      if (isRefusal(error)) throw error;
      return old.answer;
    });
  }

  /**
   * What the `init` of `WHIPClient` or `WHEPClient` takes: `red5` of a token, and `more`. Its token is
   * renewed until it is released, and the new one is written into its `connectionParams`, which the
   * SDK reads again when it reconnects.
   * @param {Ask} ask
   * @param {Record<string, any>} [more] Such as `streamName`.
   * @returns {Promise<Red5Init>}
   */
  async init(ask, more = {}) {
    const words = wordsOf(ask);
    const { endpoints, ...red5 } = (await this.token(ask)).red5;
    const usable = Object.values(endpoints ?? {});
    const endpoint = usable.length === 1 && more.streamName ? { endpoint: `${usable[0]}/${more.streamName}` } : {};
    const connectionParams = { ...red5.connectionParams, ...more.connectionParams };
    const init = { ...red5, ...endpoint, ...more, connectionParams };
    const kept = this.#kept.get(words) ?? { ask, inits: new Set() };
    kept.inits.add(init);
    this.#kept.set(words, kept);
    this.#arm(words, kept);
    return init;
  }

  /** Its token is no longer renewed. @param {Red5Init} init */
  release(init) {
    for (const [words, kept] of this.#kept) {
      if (kept.inits.delete(init) && kept.inits.size === 0) this.#drop(words, kept);
    }
  }

  /** Stops everything; the sign-in stays. */
  close() {
    for (const [words, kept] of this.#kept) this.#drop(words, kept);
    this.#closed.abort();
    this.#channel.close();
  }

  // Signing in

  /** The attempt of the page before; it is needed once. @returns {Attempt | null} */
  #takeAttempt() {
    const text = sessionStorage.getItem(this.#name);
    sessionStorage.removeItem(this.#name);
    return text && JSON.parse(text);
  }

  /** The parameters of an answer to this page; they leave the address. @returns {Record<string, string> | null} */
  #takeParameters() {
    const address = new URL(location.href);
    const get = (/** @type {string} */ name) => address.searchParams.get(name);
    const names = this.#clientId ? ['code', 'error', 'error_description', 'state', 'iss'] : [POPUP];
    const isAnswer = this.#clientId
      ? (get('code') ?? get('error')) !== null && (get('iss') === this.#bridge || (this.#attempt && get('state') === this.#attempt.state))
      : get(POPUP) !== null;
    if (!isAnswer) return null;
    const found = names.flatMap((name) => address.searchParams.getAll(name).map((value) => [name, value]));
    for (const name of names) address.searchParams.delete(name);
    history.replaceState(history.state, '', address);
    const parameters = Object.fromEntries(found);
    return this.#clientId ? parameters : { state: parameters[POPUP] };
  }

  /** @param {Attempt} attempt @param {boolean} popup @param {string} [prompt] @param {string} [loginHint] */
  async #signInAddress({ state, verifier, redirectUri, from }, popup, prompt, loginHint) {
    /** @type {Record<string, string>} */
    let query;
    if (this.#clientId) {
      const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
      query = {
        response_type: 'code',
        client_id: this.#clientId,
        redirect_uri: redirectUri,
        state,
        code_challenge: base64url(new Uint8Array(digest)),
        code_challenge_method: 'S256',
        ...(this.#scope && { scope: this.#scope }),
        ...(prompt && { prompt }),
        ...(loginHint && { login_hint: loginHint }),
      };
    } else {
      const back = new URL(popup ? redirectUri : from);
      if (popup) back.searchParams.set(POPUP, state);
      query = { return_to: back.href, ...(prompt === 'select_account' && { as: 'somebody-else' }) };
    }
    const path = this.#clientId ? '/oauth2/authorize' : '/auth/login';
    return `${this.#bridge}${path}?${new URLSearchParams(query)}`;
  }

  /** A window hands its answer to the page that opened it, and closes. @param {Record<string, string>} returned @returns {Promise<never>} */
  async #handToOpener(returned) {
    const taken = new Promise((resolve) => {
      this.#windows.set(returned.state, () => resolve(true));
      setTimeout(resolve, TAB_MS * 4, false);
    });
    this.#channel.postMessage({ kind: 'returned', parameters: returned });
    if (!await taken) throw new BridgeError('unknown_state', 'This sign-in was not begun here. Start it again.');
    window.close();
    return new Promise(() => {});
  }

  /** Changes the code for a token (RFC 6749 §4.1.3). @param {Record<string, string>} returned @param {Attempt} attempt */
  async #redeem({ code, error, error_description: description, iss }, { verifier, redirectUri }) {
    if (iss !== this.#bridge) throw new BridgeError('wrong_issuer', 'The answer to the sign-in is not from this bridge.');
    if (!code) throw new BridgeError(error, description ?? error, { members: { error } });
    await this.#alone(async () => {
      const answer = await this.#post('/oauth2/token', {
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        client_id: this.#clientId ?? '',
        code_verifier: verifier,
      });
      this.#receive(answer, new Map(), [this.#scope, answer.scope]);
    });
  }

  /** Finds out whether the cookie's session is valid. Told under the lock: an exchange under way would take it for another sign-in. */
  async #look() {
    const turn = this.#turn;
    const isNews = () => !this.#signedIn && this.#turn === turn;
    try {
      await this.session();
      if (isNews()) await this.#alone(() => isNews() && this.#change({ signedIn: true }));
    } catch (error) {
      if (!(error instanceof BridgeError && error.isSignedOut)) throw error;
    }
  }

  // Tokens

  /** A new token, once the bridge has the time. Under the lock. @param {Ask} ask @param {string} words @returns {Promise<Token>} */
  async #exchange(ask, words) {
    const turn = this.#turn;
    const unchanged = () => {
      if (this.#turn !== turn) throw new BridgeError('not_signed_in', 'The sign-in changed meanwhile.');
    };
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await this.#request(ask, words);
        unchanged();
        this.#receive(answer, this.#tokens, [words]);
        return answer;
      } catch (error) {
        unchanged();
        if (!(error instanceof BridgeError && error.isBusy) || tries === TRIES) throw this.#noted(error);
        const seconds = (error.retryAfter ?? 2 ** tries) + Math.random();
        if (seconds > WAIT_MAX_SECONDS) throw error;
        this.#say('waiting', { seconds, error });
        await sleep(seconds * 1000);
        unchanged();
      }
    }
  }

  /** @param {Ask} ask @param {string} words */
  async #request(ask, words) {
    if (!this.#clientId) return this.#post('/api/token', ask);
    if (!this.#refreshToken) throw new BridgeError('not_signed_in', 'Sign in first.');
    return this.#post('/oauth2/token', {
      grant_type: 'refresh_token',
      refresh_token: this.#refreshToken,
      client_id: this.#clientId,
      ...(words && { scope: words }),
    });
  }

  /** Takes an answer in, for all tabs. @param {any} answer @param {Map<string, KnownToken>} others @param {string[]} names */
  #receive({ refresh_token: refreshToken, ...answer }, others, names) {
    const tokens = new Map([...others].filter(([, token]) => left(token) > 0));
    for (const words of names) tokens.set(words, known(answer, answer.expires_in * 1000));
    this.#change({ signedIn: true, tokens, ...(refreshToken && { refreshToken }) });
  }

  /** @param {string} words @param {Kept} kept */
  #arm(words, kept) {
    clearTimeout(kept.timer);
    const token = this.#tokens.get(words);
    // Not all pages that were opened together at once.
    const wait = token ? left(token) - earlyOf(token) * (1 + Math.random() / 2) : 0;
    kept.timer = setTimeout(() => this.#renew(words, kept), Math.max(wait, 0));
  }

  #armAll() {
    for (const [words, kept] of this.#kept) this.#arm(words, kept);
  }

  /** @param {string} words @param {Kept} kept */
  async #renew(words, kept) {
    const old = this.#tokens.get(words);
    const isSame = () => this.#tokens.get(words)?.answer.access_token === old?.answer.access_token;
    try {
      await this.#alone(async () => {
        if (isSame() && this.#kept.get(words) === kept) await this.#exchange(kept.ask, words);
      });
    } catch (error) {
      if (this.#kept.get(words) !== kept) return;
      if (!isRefusal(error) && old && left(old) > 0) {
        kept.timer = setTimeout(() => this.#renew(words, kept), AGAIN_MS * (1 + Math.random()));
        return;
      }
      this.#drop(words, kept);
      this.#tokens.delete(words);
      this.#say('refused', { ask: kept.ask, error });
    }
  }

  /** @param {string} words @param {Kept} kept */
  #drop(words, kept) {
    clearTimeout(kept.timer);
    this.#kept.delete(words);
  }

  // What the tabs share

  /** @param {Partial<{ signedIn: boolean, refreshToken: string | null, tokens: Map<string, KnownToken> }>} changes */
  #change(changes) {
    this.#take({ signedIn: this.#signedIn, refreshToken: this.#refreshToken, tokens: this.#tokens, turn: this.#turn + 1, ...changes });
    this.#channel.postMessage(this.#shared());
  }

  #signedOut() {
    this.#change({ signedIn: false, refreshToken: null, tokens: new Map() });
  }

  /** As it is sent: clocks of two pages may differ, so times are what is left. */
  #shared() {
    const tokens = [...this.#tokens].map(([words, token]) => [words, token.answer, left(token)]);
    return { kind: 'state', turn: this.#turn, signedIn: this.#signedIn, refreshToken: this.#refreshToken, tokens };
  }

  /** @param {{ turn: number, signedIn: boolean, refreshToken: string | null, tokens: Map<string, KnownToken> }} state */
  #take({ turn, signedIn, refreshToken, tokens }) {
    const [was, before] = [this.#signedIn, this.#tokens];
    this.#turn = turn;
    this.#signedIn = signedIn;
    this.#refreshToken = refreshToken;
    this.#tokens = tokens;
    for (const [words, kept] of this.#kept) {
      const token = tokens.get(words)?.answer;
      if (token && token.access_token !== before.get(words)?.answer.access_token) {
        for (const init of kept.inits) Object.assign(init.connectionParams, token.red5.connectionParams);
        this.#say('token', { ask: kept.ask, token });
      }
      if (signedIn) this.#arm(words, kept);
      else if (was) this.#drop(words, kept);
    }
    if (was !== signedIn) this.#say(signedIn ? 'signedin' : 'signedout');
  }

  /** @param {any} data */
  #hear(data) {
    if (data.kind === 'question') {
      this.#channel.postMessage({ ...this.#shared(), to: data.id });
    } else if (data.kind === 'state') {
      // A sign-out that crossed an exchange wins.
      const isNewer = data.turn > this.#turn || (data.turn === this.#turn && this.#signedIn && !data.signedIn);
      if (isNewer) {
        const tokens = data.tokens.map((/** @type {[string, Token, number]} */ [words, answer, life]) => [words, known(answer, life)]);
        this.#take({ ...data, tokens: new Map(tokens) });
      }
      const question = this.#question;
      if (question && data.to === question.id) {
        question.missing -= 1;
        if (question.missing === 0) question.done();
      }
    } else if (data.kind === 'returned') {
      const opened = this.#windows.get(data.parameters.state);
      if (opened) this.#channel.postMessage({ kind: 'taken', state: data.parameters.state });
      opened?.(data.parameters);
    } else if (data.kind === 'taken') {
      this.#windows.get(data.state)?.({});
    }
  }

  /** Learns what the other tabs know; messages may be later than a lock. */
  async #askTabs() {
    const { held = [] } = await navigator.locks?.query() ?? {};
    const missing = held.filter(({ name }) => name === `${this.#name} tab`).length - 1;
    if (missing < 1) return;
    await new Promise((resolve) => {
      const done = () => resolve(undefined);
      this.#question = { id: random(), missing, done };
      setTimeout(done, TAB_MS);
      this.#channel.postMessage({ kind: 'question', id: this.#question.id });
    });
    this.#question = null;
  }

  /** Runs `work` while no other tab does, knowing what they know. @template T @param {() => T | Promise<T>} work @returns {Promise<T>} */
  async #alone(work) {
    const step = async () => {
      await this.#askTabs();
      return work();
    };
    if (!navigator.locks) return step();
    let begun = false;
    try {
      return await navigator.locks.request(this.#name, { signal: AbortSignal.timeout(LOCK_MS) }, () => {
        begun = true;
        return step();
      });
    } catch (error) {
      if (begun) throw error;
      return step();
    }
  }

  /** @param {string} type @param {any} [detail] */
  #say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  // HTTP

  /** The same error; all tabs are told if it says that the sign-in is over. @param {unknown} error */
  #noted(error) {
    if (error instanceof BridgeError && error.isSignedOut && this.#signedIn) this.#signedOut();
    return error;
  }

  /** @param {string} path @param {Record<string, any>} members @returns {Promise<any>} */
  #post(path, members) {
    const content = this.#clientId
      ? { body: new URLSearchParams(members) }
      : { headers: { 'Content-Type': 'application/json', 'X-Red5-Bridge': '1' }, body: JSON.stringify(members) };
    return this.#call(path, { method: 'POST', ...content });
  }

  /** @param {string} path @param {RequestInit} options @returns {Promise<any>} */
  async #call(path, options) {
    /** @type {Response} */
    let answer;
    try {
      answer = await fetch(this.#bridge + path, {
        credentials: this.#clientId ? 'omit' : 'include',
        cache: 'no-store',
        redirect: 'error',
        signal: AbortSignal.timeout(REQUEST_MS),
        ...options,
      });
    } catch {
      // Browsers hide the reason from scripts.
      throw new BridgeError('unreachable', `This page cannot read an answer of ${this.#bridge}. Either the bridge cannot be reached, or ${location.origin} is not among the origins that it allows.`);
    }
    const members = await answer.json().catch(() => ({}));
    if (answer.ok) return members;
    // Errors of RFC 6749 name the finer code in the fragment of `error_uri`.
    const code = members.code ?? members.error_uri?.split('#')[1] ?? members.error ?? 'unreadable';
    const message = members.detail ?? members.error_description ?? `The bridge answered with status ${answer.status}.`;
    const retryAfter = Number.parseInt(answer.headers.get('Retry-After') ?? '', 10);
    throw new BridgeError(code, message, { status: answer.status, retryAfter: Number.isNaN(retryAfter) ? null : retryAfter, members });
  }
}

/** The words of a scope, in one order. @param {Ask} ask */
function wordsOf(ask) {
  const prefixes = { roles: '', rooms: 'room:', transports: 'transport:' };
  const unknown = Object.keys(ask).find((list) => !Object.hasOwn(prefixes, list));
  if (unknown) throw new TypeError(`${unknown} is not roles, rooms or transports`);
  return Object.entries(prefixes).flatMap(([list, prefix]) => {
    const names = ask[/** @type {keyof Ask} */ (list)];
    if (names === undefined) return [];
    // An empty list, or a name of two words, would ask for more than was meant.
    if (!Array.isArray(names) || names.length === 0 || !names.every((name) => /^\S+$/.test(name))) {
      throw new TypeError(`${list} must be a list of one or more names without white space`);
    }
    const spelt = list === 'transports' ? names.map((name) => name.toUpperCase()) : names;
    return [...new Set(spelt)].sort().map((name) => prefix + name);
  }).join(' ');
}

/** @param {Token} answer @param {number} life Milliseconds. @returns {KnownToken} */
const known = (answer, life) => ({ answer, life, date: Date.now(), mark: performance.now() });

/** Milliseconds until its end. The clock may be set, and the monotonic one may sleep. @param {KnownToken} token */
const left = ({ life, date, mark }) => life - Math.max(Date.now() - date, performance.now() - mark);

/** How long before its end a token is renewed. @param {KnownToken} token */
const earlyOf = ({ answer }) => Math.min(EARLY_MS, answer.expires_in * 1000 / 4);

/** Whether asking again would be in vain. @param {unknown} error */
const isRefusal = (error) => error instanceof BridgeError && !error.isBusy && error.code !== 'unreachable';

const sleep = (/** @type {number} */ milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

/** 256 random bits. */
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** @param {Uint8Array} bytes */
const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
