import type { ClientBase } from 'pg'
import { type NoteSigner, type SignedTree, signCheckpoint } from './sign-note.ts'

/*
 * The keys of the log, in their order, as anyone may know them. A new key is made known by the first
 * checkpoint that it signs, which the key before it signs too and whose line
 *   successor <verifier key>
 * names it: a signature of the old key, over the new one. So whoever trusts the old key can follow, and nobody
 * can who only adds a signature to a note. Checkpoint and key are committed together.
 */
export interface SealKey {
  /** `<name>+<key id>+<base64>` (C2SP signed-note). */
  verifierKey: string
  /** The checkpoint that both this key and the one before it signed; null for the first. */
  handover: string | null
}

/** Every key that has signed, oldest first: the last one signs today. */
export async function readSealKeys(db: Pick<ClientBase, 'query'>): Promise<SealKey[]> {
  const { rows } = await db.query<SealKey>(
    'select verifier_key as "verifierKey", handover from audit.verifier_keys order by number',
  )
  return rows
}

/** The log's name in its checkpoints. */
export async function readOrigin(db: Pick<ClientBase, 'query'>): Promise<string> {
  const { rows } = await db.query<{ origin: string }>('select origin from audit.tree')
  if (rows[0] === undefined) throw new Error('audit.tree is empty')
  return rows[0].origin
}

/** This sealer's key was followed by another one: only a process that has the new one may sign. */
export class Superseded extends Error {
  constructor() {
    super('The signing key was rotated: this process must be started again to take up the new one')
  }
}

/** How the next checkpoint is signed, and which key it makes known. */
export interface Signing {
  sign(tree: SignedTree): string
  /** The place of a key that no checkpoint has made known yet. */
  newKey: { number: number; verifierKey: string; isSuccessor: boolean } | null
}

export interface LogSigners {
  /** The hub's own key first; others (SM2) sign beside it. */
  signers: readonly NoteSigner[]
  /** Earlier keys that are still at hand. */
  formerSigners?: readonly NoteSigner[]
}

/** Throws `Superseded`. Where a former key is gone, its successor must be trusted anew by whoever held it. */
export function decideSigning(known: readonly SealKey[], own: LogSigners): Signing {
  const { signers, formerSigners = [] } = own
  const [main] = signers
  if (main === undefined) throw new Error('nobody signs for the log')
  const { verifierKey } = main
  const last = known.at(-1)
  if (last?.verifierKey === verifierKey) {
    return { newKey: null, sign: (tree) => signCheckpoint(tree, signers) }
  }
  if (known.some((key) => key.verifierKey === verifierKey)) throw new Superseded()
  const number = known.length + 1
  if (last === undefined) {
    const newKey = { number, verifierKey, isSuccessor: false }
    return { newKey, sign: (tree) => signCheckpoint(tree, signers) }
  }
  const former = formerSigners.filter((signer) => signer.verifierKey === last.verifierKey)
  const extensions = [`successor ${verifierKey}`]
  return {
    newKey: { number, verifierKey, isSuccessor: true },
    sign: (tree) => signCheckpoint({ ...tree, extensions }, [...signers, ...former]),
  }
}
