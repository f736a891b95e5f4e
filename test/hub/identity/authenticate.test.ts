import { expect, test } from 'vitest'
import { createAuthenticator } from '../../../src/hub/identity/authenticate.ts'
import type { TokenHolder } from '../../../src/hub/identity/token-store.ts'
import { digestWord } from '../../../src/hub/identity/tokens.ts'

const system = (expiresInMs: number | null = null): TokenHolder => ({
  caller: {
    kind: 'system',
    id: 'front-1',
    department: 'housing',
    systemKind: 'front-end-machine',
    version: 1,
  },
  kind: 'system',
  expiresInMs,
})

/** A database that knows the given tokens, a clock that stands still, and how often it was asked. */
function set(known: Record<string, TokenHolder>) {
  const state = { nowMs: 1000, queries: [] as string[][], known, isDown: false }
  const authenticator = createAuthenticator({
    nowMs: () => state.nowMs,
    findHolders: async (digests) => {
      state.queries.push([...digests])
      if (state.isDown) throw new Error('database down')
      const entries = Object.entries(state.known).map(
        ([token, holder]) => [digestWord(token), holder] as const,
      )
      return new Map(entries.filter(([digest]) => digests.includes(digest)))
    },
  })
  return { authenticator, state }
}

test('a token costs one query in a second, however often it comes', async () => {
  const { authenticator, state } = set({ good: system() })
  for (let call = 0; call < 50; call++) {
    expect((await authenticator.identify('good'))?.caller.id).toBe('front-1')
  }
  expect(state.queries).toHaveLength(1)
})

test('tokens that arrive together are looked up by one query', async () => {
  const { authenticator, state } = set({ good: system() })
  const tokens = ['good', ...Array.from({ length: 100 }, (_, index) => `bad-${index}`)]
  const found = await Promise.all(tokens.map(async (token) => authenticator.identify(token)))
  expect(found.filter(Boolean)).toHaveLength(1)
  expect(state.queries).toHaveLength(1)
})

test('a revocation that no notification told of holds after one second', async () => {
  const { authenticator, state } = set({ good: system() })
  await authenticator.identify('good')
  state.known = {}
  state.nowMs += 999
  expect(await authenticator.identify('good')).not.toBeNull()
  state.nowMs += 1001
  expect(await authenticator.identify('good')).toBeNull()
})

test('a token that is used again after half a second is looked up while it is still believed', async () => {
  const { authenticator, state } = set({ good: system() })
  await authenticator.identify('good')
  state.nowMs += 600
  await authenticator.identify('good')
  await authenticator.identify('good')
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  expect(state.queries).toHaveLength(2)
  state.nowMs += 600
  expect(authenticator.identify('good')).not.toBeInstanceOf(Promise)
})

test('a notification ends what is remembered at once', async () => {
  const { authenticator, state } = set({ good: system() })
  await authenticator.identify('good')
  state.known = {}
  authenticator.clear()
  expect(await authenticator.identify('good')).toBeNull()
})

test('a look-up that began before a change is not remembered after it', async () => {
  const { authenticator, state } = set({ good: system() })
  const early = authenticator.identify('good')
  authenticator.clear()
  await early
  await authenticator.identify('good')
  expect(state.queries).toHaveLength(2)
})

test('a token that expires is not believed beyond its moment', async () => {
  const { authenticator, state } = set({ good: system(100) })
  await authenticator.identify('good')
  state.known = {}
  state.nowMs += 101
  expect(await authenticator.identify('good')).toBeNull()
})

test('without the database nobody is believed longer than a second, and nobody is called a stranger', async () => {
  const { authenticator, state } = set({ good: system() })
  await authenticator.identify('good')
  state.isDown = true
  state.nowMs += 1000
  await expect(authenticator.identify('good')).rejects.toThrow('database down')
  state.isDown = false
  expect(await authenticator.identify('good')).not.toBeNull()
})
