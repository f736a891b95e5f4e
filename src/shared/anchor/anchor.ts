/**
 * An anchor is the last checkpoint of the hub's log that somebody outside the hub has seen and keeps. Only
 * against anchors a log is more than its owner's word: whoever holds the database and the signing key could
 * write another history, but not one that begins with what others already hold.
 *
 *   const anchor = createAnchor({
 *     store: { read: () => readJson(file), write: (kept) => writeJson(file, kept) },
 *     get: async (path) => {
 *       const answer = await fetch(`${hub}${path}`, { headers: { authorization: `Bearer ${token}` } })
 *       if (!answer.ok) throw new Error(`the hub answered ${answer.status}`)
 *       return answer.text()
 *     },
 *     keys: [parseVerifierKey(pinned)],   // from the hub's operator, on paper; not from the hub itself
 *   })
 *   await anchor.check()                  // at each contact; an AnchorFault says what the hub has done
 *   await anchor.accept(body.checkpoint)  // for the checkpoint that came with a delivery
 */
import {
  type Checkpoint,
  openCheckpoint,
  parseVerifierKey,
  type SignatureCheck,
  type VerifierKey,
  verifyConsistency,
} from '../proofs.ts'
import { followKeys, type KeyHandover } from '../proofs/trusted-keys.ts'
import { AnchorFault, type AnchorEvidence, type AnchorFaultCode } from './fault.ts'

/** What is kept between contacts; JSON. */
export interface KeptAnchor {
  /** The signed checkpoint, to the byte. */
  note: string
  /** Verifier keys that the pinned ones have led to. */
  followed: readonly string[]
}

export interface AnchorStore {
  /** Null before the first contact. */
  read(): Promise<KeptAnchor | null>
  /** Must be durable when it answers. */
  write(kept: KeptAnchor): Promise<void>
  /** Told of each fault before it is thrown, so that the evidence is kept for an auditor. */
  accuse?(evidence: AnchorEvidence): Promise<void>
}

export interface AnchorParts {
  store: AnchorStore
  /** The body of the hub's answer to a GET of the path; throws where it is not 200, which passes through. */
  get(path: string): Promise<string>
  /** The log's keys as they were learnt from elsewhere than from the hub's answers. */
  keys: readonly VerifierKey[]
  /** Checks of signatures that are not Ed25519, such as `sm2Checks`. */
  checks?: Readonly<Record<number, SignatureCheck>>
}

export interface AnchorState {
  /** `older`: a checkpoint that came late, proved to be one that the log has passed. */
  state: 'first' | 'same' | 'grown' | 'older'
  checkpoint: Checkpoint
}

export interface Anchor {
  /** Asks the hub for its checkpoint. Throws `AnchorFault`, and what `get` and the store throw. */
  check(): Promise<AnchorState>
  /** The same for a checkpoint that came another way and may have been overtaken by others. */
  accept(note: string): Promise<AnchorState>
}

export function createAnchor(parts: AnchorParts): Anchor {
  // One after the other: a slow answer that a faster one has overtaken would look like a log rolled back.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = (work: () => Promise<AnchorState>): Promise<AnchorState> => {
    const turn = last.then(work)
    last = turn.catch(() => undefined)
    return turn
  }
  return {
    check: () =>
      inTurn(async () =>
        judge(parts, await parts.get('/v1/audit/checkpoint'), { mayBeOlder: false }),
      ),
    accept: (note) => inTurn(() => judge(parts, note, { mayBeOlder: true })),
  }
}

async function judge(
  parts: AnchorParts,
  note: string,
  { mayBeOlder }: { mayBeOlder: boolean },
): Promise<AnchorState> {
  const kept = await parts.store.read()
  try {
    const given = await openGiven(parts, kept, note)
    if (kept === null) return await keep(parts, 'first', given)
    const held = openKept(parts, kept)
    return await compare(parts, { kept, held, given, mayBeOlder })
  } catch (error) {
    if (error instanceof AnchorFault) await parts.store.accuse?.(error.evidence)
    throw error
  }
}

interface Given {
  note: string
  checkpoint: Checkpoint
  followed: readonly string[]
}

/** Opens it with the keys known; with those that they have named as their successors where none has signed. */
async function openGiven(
  parts: AnchorParts,
  kept: KeptAnchor | null,
  note: string,
): Promise<Given> {
  const { checks } = parts
  const known = trustedKeys(parts, kept)
  const opened = openCheckpoint(note, known, checks)
  if (opened.isValid) return { note, ...opened, followed: kept?.followed ?? [] }
  const evidence = { kept: kept?.note ?? null, given: note, proof: null }
  if (opened.why !== 'unknown-key')
    throw new AnchorFault({ code: faultOf[opened.why], ...evidence })
  const handovers = readHandovers(await parts.get('/v1/audit/key'))
  const keys = followKeys(known, handovers, checks)
  const again = openCheckpoint(note, keys, checks)
  if (!again.isValid) throw new AnchorFault({ code: faultOf[again.why], ...evidence })
  return {
    note,
    checkpoint: again.checkpoint,
    followed: keys.slice(parts.keys.length).map(keyText),
  }
}

const faultOf = {
  'not-a-note': 'unreadable',
  'not-a-checkpoint': 'unreadable',
  'unknown-key': 'unknown-key',
  'wrong-signature': 'wrong-signature',
} as const satisfies Record<string, AnchorFaultCode>

const trustedKeys = ({ keys }: AnchorParts, kept: KeptAnchor | null): VerifierKey[] => [
  ...keys,
  ...(kept?.followed ?? []).map(parseVerifierKey).filter((key) => key !== null),
]

const keyText = ({ name, keyId, algorithm, publicKey }: VerifierKey): string => {
  const bytes = Buffer.concat([Buffer.of(algorithm), publicKey])
  return `${name}+${keyId.toString(16).padStart(8, '0')}+${bytes.toString('base64')}`
}

/** What is not of the form says of no handover: the key then stays unknown. */
function readHandovers(body: string): KeyHandover[] {
  const answer = parseJson(body)
  const formerKeys = isObject(answer) ? answer['formerKeys'] : null
  if (!Array.isArray(formerKeys)) return []
  return formerKeys.filter(isHandover)
}

const isHandover = (value: unknown): value is KeyHandover =>
  isObject(value) &&
  typeof value['verifierKey'] === 'string' &&
  (value['handover'] === null || typeof value['handover'] === 'string')

/** The kept one was checked when it was taken; a store that was damaged is not the hub's doing. */
function openKept(parts: AnchorParts, kept: KeptAnchor): Checkpoint {
  const opened = openCheckpoint(kept.note, trustedKeys(parts, kept), parts.checks)
  if (opened.isValid) return opened.checkpoint
  throw new Error(`the kept checkpoint cannot be opened (${opened.why}): see to the anchor’s store`)
}

interface Compared {
  kept: KeptAnchor
  held: Checkpoint
  given: Given
  mayBeOlder: boolean
}

async function compare(parts: AnchorParts, compared: Compared): Promise<AnchorState> {
  const { kept, held, given, mayBeOlder } = compared
  const { checkpoint, note } = given
  const fail = (code: AnchorFaultCode, detail: string): never => {
    throw new AnchorFault({ code, kept: kept.note, given: note, proof: null }, detail)
  }
  if (checkpoint.origin !== held.origin) {
    return fail('another-log', `${held.origin} → ${checkpoint.origin}`)
  }
  if (checkpoint.size === held.size) {
    return checkpoint.root.equals(held.root)
      ? { state: 'same', checkpoint }
      : fail('forked', String(held.size))
  }
  if (checkpoint.size > held.size) {
    await demandConsistency(parts, compared, [held, checkpoint])
    return keep(parts, 'grown', given)
  }
  if (!mayBeOlder) return fail('rolled-back', `${held.size} → ${checkpoint.size}`)
  await demandConsistency(parts, compared, [checkpoint, held])
  return { state: 'older', checkpoint }
}

async function demandConsistency(
  { get }: AnchorParts,
  { kept, given }: Compared,
  [older, newer]: readonly [Checkpoint, Checkpoint],
): Promise<void> {
  const { size: from, root: fromRoot } = older
  const { size: to, root: toRoot } = newer
  const proof = await get(`/v1/audit/proofs/consistency?from=${from}&to=${to}`)
  const fail = (code: AnchorFaultCode): AnchorFault =>
    new AnchorFault({ code, kept: kept.note, given: given.note, proof }, `${from} → ${to}`)
  const hashes = readHashes(proof)
  if (hashes === null) throw fail('unproven')
  if (!verifyConsistency({ from, to, fromRoot, toRoot, hashes })) throw fail('inconsistent')
}

function readHashes(body: string): Buffer[] | null {
  const answer = parseJson(body)
  const hashes = isObject(answer) ? answer['hashes'] : null
  if (!Array.isArray(hashes)) return null
  const texts = hashes.filter((hash) => typeof hash === 'string')
  return texts.length === hashes.length ? texts.map((hash) => Buffer.from(hash, 'base64')) : null
}

async function keep(
  { store }: AnchorParts,
  state: 'first' | 'grown',
  { note, checkpoint, followed }: Given,
): Promise<AnchorState> {
  await store.write({ note, followed })
  return { state, checkpoint }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null
