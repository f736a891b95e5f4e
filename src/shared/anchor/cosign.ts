/**
 * Co-signatures of witnesses (C2SP tlog-cosignature, `cosignature/v1`): whoever keeps an anchor says, under
 * their own name and with the time, that they have seen this checkpoint and none that contradicts it.
 */
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { keyIdOf, parseNote, type SignatureCheck } from '../proofs.ts'

/** The algorithm's byte of a timestamped Ed25519 co-signature. */
export const cosignatureAlgorithm = 4

export interface Witness {
  /** Without spaces and plus signs, as verifier keys want it: `gaj.city/witness`. */
  name: string
  /** Ed25519. */
  privateKey: KeyObject
}

const derHead = Buffer.from('302a300506032b6570032100', 'hex')

const messageOf = (seconds: bigint, text: string): Buffer =>
  Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`)

function keyBytesOf({ privateKey }: Witness): Buffer {
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return Buffer.concat([Buffer.of(cosignatureAlgorithm), der.subarray(derHead.length)])
}

/** What others check the witness with: `<name>+<key id>+<base64>`. */
export function witnessKey(witness: Witness): string {
  const bytes = keyBytesOf(witness)
  const id = keyIdOf(witness.name, bytes).toString(16).padStart(8, '0')
  return `${witness.name}+${id}+${bytes.toString('base64')}`
}

/** The note with the witness's line behind it. Only for checkpoints that `createAnchor` has accepted. */
export function cosign(note: string, witness: Witness, at: Date): string {
  const parsed = parseNote(note)
  if (parsed === null) throw new TypeError('Only a signed note can be co-signed.')
  const seconds = BigInt(Math.floor(at.getTime() / 1000))
  const head = Buffer.alloc(12)
  head.writeUInt32BE(keyIdOf(witness.name, keyBytesOf(witness)))
  head.writeBigUInt64BE(seconds, 4)
  const signature = sign(null, messageOf(seconds, parsed.text), witness.privateKey)
  return `${note}— ${witness.name} ${Buffer.concat([head, signature]).toString('base64')}\n`
}

const checkCosignature: SignatureCheck = ({ publicKey }, text, signature) => {
  if (publicKey.length !== 32 || signature.length !== 72) return false
  const key = Buffer.concat([derHead, publicKey])
  const message = messageOf(signature.readBigUInt64BE(0), text.toString('utf8'))
  const publicKeyObject = createPublicKey({ key, format: 'der', type: 'spki' })
  return verify(null, message, publicKeyObject, signature.subarray(8))
}

/** For the `checks` of `openCheckpoint`. */
export const cosignatureChecks: Readonly<Record<number, SignatureCheck>> = {
  [cosignatureAlgorithm]: checkCosignature,
}
