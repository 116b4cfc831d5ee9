/**
 * Tokens of a Red5 identity bridge for a page: by the session cookie on the bridge's own site, or
 * by authorization code with PKCE from any site (RFC 6749, 7636, 9207, 9700).
 *
 * Tokens live in the memory of the tabs of one origin and nowhere else. The tabs share them over a
 * BroadcastChannel, and a lock lets one tab at a time ask the bridge.
 */
export type BridgeOptions = {
    /**
     * Public URL of the bridge.
     */
    bridge: string;
    /**
     * Id of a registered public client. With it the page signs in by
     * authorization code and PKCE; without it, by the session cookie.
     */
    clientId?: string;
    /**
     * Address to which a sign-in comes back: with `clientId` one that is
     * registered. This page without query and fragment, unless given.
     */
    redirectUri?: string;
    /**
     * With `clientId`: the most that is asked for, in words of a scope
     * (`red5-subscriber transport:WHEP`). What is not named is as wide as the bridge allows.
     */
    scope?: string;
};
export type Ask = {
    /**
     * `red5-publisher`, `red5-subscriber`
     */
    roles?: string[];
    /**
     * Names of rooms, or `["*"]` for any.
     */
    rooms?: string[];
    /**
     * `RTMP`, `RTSP`, `WHIP`, `WHEP`, or `["*"]` for any.
     */
    transports?: string[];
};
export type Grant = {
    roles: string[];
    transports: string[];
    rooms: string[];
};
export type Token = {
    access_token: string;
    /**
     * Seconds from the answer on.
     */
    expires_in: number;
    expires_at: string;
    scope: string;
    roles: string[];
    rooms: string[];
    transports: string[];
    ttl_limited_by: string | null;
    left_out: Grant[];
    red5: Red5Init & {
        endpoints?: Record<string, string>;
    };
    mapping_version: number;
};
export type Red5Init = {
    connectionParams: Record<string, string>;
} & Record<string, any>;
export type SignInOptions = {
    /**
     * In a window of its own. Call it from a click, or browsers block it.
     */
    popup?: boolean;
    /**
     * With a cookie only `select_account`.
     */
    prompt?: 'none' | 'login' | 'select_account';
    /**
     * With `clientId`: the name to offer at the provider.
     */
    loginHint?: string;
    /**
     * Stops waiting for the window, which cannot be observed.
     */
    signal?: AbortSignal;
};
export type Attempt = {
    state: string;
    verifier: string;
    redirectUri: string;
    from: string;
};
export type KnownToken = {
    answer: Token;
    life: number;
    date: number;
    mark: number;
};
export type Kept = {
    ask: Ask;
    inits: Set<Red5Init>;
    timer?: ReturnType<typeof setTimeout>;
};
/** What publishing in a room by WHIP needs. @param {string} room @returns {Ask} */
export declare const toPublish: (room: string) => Ask;
/** What watching in a room by WHEP needs. @param {string} room @returns {Ask} */
export declare const toWatch: (room: string) => Ask;
/** A refusal, or no answer. `message` is for people. */
export declare class BridgeError extends Error {
    /** Stable: `docs/apps.md` lists the codes of the bridge. */
    code: string;
    /** Status of the answer; 0 without one. */
    status: number;
    /** Seconds of `Retry-After`. */
    retryAfter: number | null;
    /** Members of the answer, such as `refused` or `patterns`. */
    members: Record<string, any>;
    /**
     * @param {string} code
     * @param {string} message
     * @param {{ status?: number, retryAfter?: number | null, members?: Record<string, any> }} [more]
     */
    constructor(code: string, message: string, { status, retryAfter, members }?: {
        status?: number;
        retryAfter?: number | null;
        members?: Record<string, any>;
    });
    /** Whether the bridge asks to come back later. */
    get isBusy(): boolean;
    /** Whether the sign-in is over. */
    get isSignedOut(): boolean;
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
export declare class Red5Bridge extends EventTarget {
    #private;
    /** Reads what a sign-in left in the address, and removes it there. @param {BridgeOptions} options */
    constructor({ bridge, clientId, redirectUri, scope }: BridgeOptions);
    /** Whether a sign-in is valid, as far as this page knows. */
    get signedIn(): boolean;
    /**
     * Finishes a sign-in that this page comes back from, and finds out whether one is valid. `from` is
     * the address at which the sign-in was begun. With `silent`, a page that signs in by code goes to
     * the bridge and comes back without a question if there is no sign-in here.
     * @param {{ silent?: boolean }} [options]
     */
    start({ silent }?: {
        silent?: boolean;
    }): Promise<{
        signedIn: boolean;
        from: string | null;
    }>;
    /** Signs in. Without `popup` the page is left, and `start` of the next one finishes it. @param {SignInOptions} [options] */
    signIn({ popup, prompt, loginHint, signal }?: SignInOptions): Promise<void>;
    /**
     * Signs out in all tabs. By cookie the page is left for the provider's sign-out, unless `stay`; by
     * code what this app holds is revoked, and the person stays signed in at the bridge.
     * @param {{ stay?: boolean }} [options]
     */
    signOut({ stay }?: {
        stay?: boolean;
    }): Promise<void>;
    /** Who is signed in and what is granted; by cookie only. @returns {Promise<any>} */
    session(): Promise<any>;
    /** A token that is not about to end. @param {Ask} [ask] @returns {Promise<Token>} */
    token(ask?: Ask): Promise<Token>;
    /**
     * What the `init` of `WHIPClient` or `WHEPClient` takes: `red5` of a token, and `more`. Its token is
     * renewed until it is released, and the new one is written into its `connectionParams`, which the
     * SDK reads again when it reconnects.
     * @param {Ask} ask
     * @param {Record<string, any>} [more] Such as `streamName`.
     * @returns {Promise<Red5Init>}
     */
    init(ask: Ask, more?: Record<string, any>): Promise<Red5Init>;
    /** Its token is no longer renewed. @param {Red5Init} init */
    release(init: Red5Init): void;
    /** Stops everything; the sign-in stays. */
    close(): void;
}
