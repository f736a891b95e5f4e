import { createPublicKey, hash, type KeyObject, sign } from 'node:crypto'

/** Whoever signs checkpoints: a name and a key of some algorithm (C2SP signed-note). */
export interface NoteSigner {
  /** `<name>+<key id>+<base64>`: what anyone checks the signatures with. */
  verifierKey: string
  /** The signature's line of a note, its newline included. */
  line(text: string): string
}

const ed25519 = 1

/** A signer with the hub's Ed25519 key under the log's name. */
export function ed25519Signer(name: string, privateKey: KeyObject): NoteSigner {
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const publicKey = Buffer.concat([Buffer.of(ed25519), der.subarray(-32)])
  return noteSigner(name, publicKey, (text) => sign(null, text, privateKey))
}

/** `algorithmAndKey`: the algorithm's byte, then the public key. */
export function noteSigner(
  name: string,
  algorithmAndKey: Buffer,
  signText: (text: Buffer) => Buffer,
): NoteSigner {
  const keyId = hash(
    'sha256',
    Buffer.concat([Buffer.from(`${name}\n`), algorithmAndKey]),
    'buffer',
  ).subarray(0, 4)
  return {
    verifierKey: `${name}+${keyId.toString('hex')}+${algorithmAndKey.toString('base64')}`,
    line: (text) => {
      const signature = Buffer.concat([keyId, signText(Buffer.from(text))])
      return `— ${name} ${signature.toString('base64')}\n`
    },
  }
}

export interface SignedTree {
  origin: string
  size: number
  root: Uint8Array
  /** Lines behind the root (C2SP tlog-checkpoint, "extension lines"). */
  extensions?: readonly string[]
}

/** A checkpoint's note (C2SP tlog-checkpoint), signed by everyone who signs for this log. */
export function signCheckpoint(
  { origin, size, root, extensions = [] }: SignedTree,
  signers: readonly NoteSigner[],
): string {
  const lines = [origin, String(size), Buffer.from(root).toString('base64'), ...extensions]
  const text = lines.map((line) => `${line}\n`).join('')
  return `${text}\n${signers.map((signer) => signer.line(text)).join('')}`
}
