import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { decideSigning } from '../../../src/hub/audit/sealed/seal-keys.ts'
import { ed25519Signer, type NoteSigner } from '../../../src/hub/audit/sealed/sign-note.ts'
import { parseVerifierKey, type VerifierKey } from '../../../src/shared/proofs.ts'
import { followKeys, type KeyHandover } from '../../../src/shared/proofs/trusted-keys.ts'

const origin = 'shuqiao.test'
const newSigner = (): NoteSigner => ed25519Signer(origin, generateKeyPairSync('ed25519').privateKey)
const [first, second, third] = [newSigner(), newSigner(), newSigner()]
const tree = { origin, size: 7, root: Buffer.alloc(32, 1) }

/** Rotates as the sealer does. */
function rotate(signers: readonly NoteSigner[], formerAtHand: boolean): KeyHandover[] {
  const known: KeyHandover[] = []
  for (const [index, signer] of signers.entries()) {
    const formerSigners = formerAtHand ? signers.slice(0, index) : []
    const note = decideSigning(known, { signers: [signer], formerSigners }).sign(tree)
    known.push({ verifierKey: signer.verifierKey, handover: index === 0 ? null : note })
  }
  return known
}

const trusted = (text: string): VerifierKey[] =>
  [parseVerifierKey(text)].filter((key) => key !== null)
const ids = (keys: readonly VerifierKey[]): number[] => keys.map(({ keyId }) => keyId)
const all = [first, second, third].flatMap(({ verifierKey }) => trusted(verifierKey))

describe('rotated keys', () => {
  test('whoever trusts the first follows to the last, and nobody goes back', () => {
    const known = rotate([first, second, third], true)
    expect(ids(followKeys(trusted(first.verifierKey), known))).toEqual(ids(all))
    expect(ids(followKeys(trusted(third.verifierKey), known))).toEqual(ids(all).slice(2))
  })

  test('a successor that the trusted key has not signed is not followed', () => {
    const known = rotate([first, second], false)
    expect(ids(followKeys(trusted(first.verifierKey), known))).toEqual(ids(all).slice(0, 1))
    const added = { verifierKey: third.verifierKey, handover: null }
    expect(followKeys(trusted(first.verifierKey), [...known, added])).toHaveLength(1)
  })
})
