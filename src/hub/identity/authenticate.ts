import type { TokenHolder } from './token-store.ts'
import { digestWord } from './tokens.ts'

/*
 *  unknown ──look up──▶ fresh ──½ s──▶ ageing (used, looked up again meanwhile) ──1 s──▶ stale: looked up
 *                         ▲                │                                              before it is used
 *                         └────────────────┘            any change of systems or staff: everything unknown
 *
 * A notification clears all at once on every process. A half-open connection misses notifications, so
 * nothing is believed for longer than a second without asking the database (`rememberedMsMax`).
 */
const rememberedMsMax = 1000
const refreshAfterMs = 500
const rememberedMax = 20_000

/** Tokens in one query. */
const lookupsAtOnceMax = 500

export interface Identified extends TokenHolder {
  /** SHA-256 of the token, hex. */
  digest: string
}

export interface Authenticator {
  /** Whose token it is; null when nobody's. Costs no query when it was asked within the last second. */
  identify(token: string): Identified | null | Promise<Identified | null>
  /** Forgets everything: after a change, a notification, or a gap in which one may have been missed. */
  clear(): void
}

interface Remembered {
  holder: Identified | null
  /** When the look-up began: what changed later is not in it. */
  askedAtMs: number
  expiresAtMs: number
}

export interface AuthenticatorParts {
  findHolders: (digests: readonly string[]) => Promise<Map<string, TokenHolder>>
  /** A clock that never goes back. */
  nowMs: () => number
}

export function createAuthenticator({ findHolders, nowMs }: AuthenticatorParts): Authenticator {
  // Apart, so that a flood of invented tokens cannot push the valid ones out.
  const holders = new Map<string, Remembered>()
  const strangers = new Map<string, Remembered>()
  let generation = 0
  const lookUp = batchLookups(findHolders)

  const ask = async (digest: string): Promise<Identified | null> => {
    const askedAtMs = nowMs()
    const askedIn = generation
    const found = await lookUp(digest)
    const holder = found ? { ...found, digest } : null
    const expiresAtMs = askedAtMs + (found?.expiresInMs ?? Infinity)
    if (askedIn === generation) {
      const [here, there] = holder ? [holders, strangers] : [strangers, holders]
      there.delete(digest)
      remember(here, digest, { holder, askedAtMs, expiresAtMs })
    }
    return holder
  }

  const refresh = (digest: string, remembered: Remembered): void => {
    // One look-up, not one per call; when it fails, the next call after the second finds out.
    if (refreshing.has(remembered)) return
    refreshing.add(remembered)
    ask(digest).catch(() => undefined)
  }
  const refreshing = new WeakSet<Remembered>()

  return {
    identify: (token) => {
      const digest = digestWord(token)
      const remembered = holders.get(digest) ?? strangers.get(digest)
      if (!remembered) return ask(digest)
      const at = nowMs()
      const ageMs = at - remembered.askedAtMs
      if (ageMs >= rememberedMsMax || at >= remembered.expiresAtMs) return ask(digest)
      if (ageMs >= refreshAfterMs && remembered.holder) refresh(digest, remembered)
      return remembered.holder
    },
    clear: () => {
      generation += 1
      holders.clear()
      strangers.clear()
    },
  }
}

function remember(kept: Map<string, Remembered>, digest: string, remembered: Remembered): void {
  if (kept.size >= rememberedMax && !kept.has(digest)) {
    const oldest = kept.keys().next()
    if (!oldest.done) kept.delete(oldest.value)
  }
  kept.set(digest, remembered)
}

interface Waiting {
  digest: string
  settle: (holder: TokenHolder | null) => void
  fail: (error: unknown) => void
}

/** Look-ups that arrive together go out as one query: a flood costs a query a turn, not one a call. */
function batchLookups(
  findHolders: AuthenticatorParts['findHolders'],
): (digest: string) => Promise<TokenHolder | null> {
  const waiting: Waiting[] = []
  let isScheduled = false

  const send = async (): Promise<void> => {
    isScheduled = false
    const batch = waiting.splice(0, lookupsAtOnceMax)
    if (waiting.length > 0) schedule()
    try {
      const found = await findHolders([...new Set(batch.map(({ digest }) => digest))])
      for (const { digest, settle } of batch) settle(found.get(digest) ?? null)
    } catch (error) {
      for (const { fail } of batch) fail(error)
    }
  }
  const schedule = (): void => {
    if (isScheduled) return
    isScheduled = true
    setImmediate(() => void send())
  }
  return (digest) =>
    new Promise((settle, fail) => {
      waiting.push({ digest, settle, fail })
      schedule()
    })
}
