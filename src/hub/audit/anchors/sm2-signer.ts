import { sm2 } from 'sm-crypto-v2'
import { sm2Identity, sm2KeyMaterial } from '../../../shared/sm2-note.ts'
import { type NoteSigner, noteSigner } from '../sealed/sign-note.ts'

/** The order of the curve's base point (GB/T 32918.5). */
const order = BigInt('0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123')

/** A private key lies between 1 and the order less 2 (GB/T 32918.1, 6.1); the seed's 32 bytes may lie above. */
export const sm2PrivateKey = (seed: Buffer): Buffer =>
  Buffer.from(
    ((BigInt(`0x${seed.toString('hex')}`) % (order - 2n)) + 1n).toString(16).padStart(64, '0'),
    'hex',
  )

/** A signer of checkpoints with SM2, beside the hub's own (`startSealing`'s `moreSigners`). */
export function sm2Signer(name: string, seed: Buffer): NoteSigner {
  const privateKey = sm2PrivateKey(seed).toString('hex')
  const publicKey = sm2.getPublicKeyFromPrivateKey(privateKey)
  const how = { hash: true, publicKey, userId: sm2Identity }
  return noteSigner(name, sm2KeyMaterial(Buffer.from(publicKey, 'hex')), (text) =>
    Buffer.from(sm2.doSignature(text, privateKey, how), 'hex'),
  )
}

/** What SM2 signatures of this log are checked with; null where there are none. */
export const guomiVerifierKey = (origin: string, seed: Buffer | undefined): string | null =>
  seed === undefined ? null : sm2Signer(origin, seed).verifierKey
