import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, ClientBase } from 'pg'
import type { Log } from '../../database/log.ts'
import { readTail, sealBatch, sealedAtOnceMax } from './seal-batch.ts'
import { decideSigning, type LogSigners, readSealKeys, type Signing } from './seal-keys.ts'
import type { TreeTail } from './tree-tail.ts'

/*
 *   waiting ──lock free──▶ leading: seal ─▶ sign ─▶ seal … ──connection lost, or fenced──▶ waiting
 *      ▲                      │ nothing pending: a short rest                                 │
 *      └──────────────────────┴──────────────────── close ──▶ closed ◀────────────────────────┘
 */
export interface SealerOptions extends LogSigners {
  /** A direct connection with the sealer's rights; its session holds the leader's lock. */
  openClient(): Promise<Client>
  origin: string
  log: Log
  /** Told after each checkpoint. */
  onCheckpoint?: (size: number) => void
}

export interface Sealer {
  readonly isLeading: boolean
  close(): Promise<void>
}

/** Whoever's session holds this advisory lock leads. */
export const leadLockKey = 7_305_118_450
/** How often the log is looked at while nothing waits; a checkpoint must come within a second of its entries. */
const restMs = 100
/** The same where something came: every checkpoint is kept for ever, and two a second are enough. */
const restBusyMs = 400
/** How often a sealer that does not lead looks whether it should. */
const takeOverMs = 1000

/**
 * Seals committed entries into the tree and signs a checkpoint behind each batch. Any number of sealers may
 * run: the one that holds the advisory lock leads, and when its session ends another takes over.
 */
export function startSealer(options: SealerOptions): Sealer {
  const stop = new AbortController()
  const state = { isLeading: false }
  const finished = run(options, state, stop.signal)
  return {
    get isLeading() {
      return state.isLeading
    },
    close: async () => {
      stop.abort()
      await finished
    },
  }
}

async function run(
  options: SealerOptions,
  state: { isLeading: boolean },
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted) {
    let client: Client | undefined
    try {
      client = await options.openClient()
      await noticeQuickly(client)
      if (await tryLock(client)) {
        state.isLeading = true
        await lead(client, options, stop)
      }
    } catch (error) {
      options.log.warn({ err: error }, 'the sealer lost its place and tries again')
    } finally {
      state.isLeading = false
      await client?.end().catch(() => undefined)
    }
    await rest(takeOverMs, stop)
  }
}

/**
 * A leader whose machine has vanished, or whose process stands still, keeps its lock until the server misses it:
 * within some seconds. A leader that is well asks several times a second.
 */
const noticeQuickly = (client: Client): Promise<unknown> =>
  client.query(
    `select set_config('tcp_keepalives_idle', '2', false), set_config('tcp_keepalives_interval', '2', false),
       set_config('tcp_keepalives_count', '2', false), set_config('idle_session_timeout', '5s', false),
       set_config('idle_in_transaction_session_timeout', '5s', false)`,
  )

async function tryLock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ held: boolean }>(
    'select pg_try_advisory_lock($1) as held',
    [leadLockKey],
  )
  return rows[0]?.held === true
}

async function lead(client: Client, options: SealerOptions, stop: AbortSignal): Promise<void> {
  const tail = await readTail(client)
  let signing = decideSigning(await readSealKeys(client), options)
  const sign = async (): Promise<void> => {
    const isSigned = await signWhatIs(client, { options, signing, tail })
    if (isSigned && signing.newKey) signing = decideSigning(await readSealKeys(client), options)
  }
  // What a leader that was killed has sealed and not signed.
  await sign()
  while (!stop.aborted) {
    const sealedCount = await sealBatch(client, tail, sealedAtOnceMax)
    if (sealedCount > 0) await sign()
    if (sealedCount < sealedAtOnceMax) await rest(sealedCount > 0 ? restBusyMs : restMs, stop)
  }
}

interface SignedNow {
  options: SealerOptions
  signing: Signing
  tail: TreeTail
}

/**
 * Signed after the commit: a signature over a tree that was rolled back could never be taken back. Says
 * whether the tree had not been signed at this size before.
 */
async function signWhatIs(
  client: ClientBase,
  { options, signing, tail }: SignedNow,
): Promise<boolean> {
  const root = tail.root()
  const note = signing.sign({ origin: options.origin, size: tail.size, root })
  const { newKey } = signing
  const { rowCount } = await client.query({
    name: 'insert-checkpoint',
    text: `with signed as (
        insert into audit.checkpoints (size, root, note) values ($1, $2, $3)
        on conflict do nothing returning note
      ), known as (
        insert into audit.verifier_keys (number, verifier_key, handover)
        select $4::integer, $5::text, case when $6::boolean then note end from signed where $4 is not null
      )
      select from signed`,
    values: [
      tail.size,
      root,
      note,
      newKey?.number ?? null,
      newKey?.verifierKey ?? null,
      newKey?.isSuccessor ?? null,
    ],
  })
  options.onCheckpoint?.(tail.size)
  return rowCount === 1
}

const rest = (ms: number, signal: AbortSignal): Promise<unknown> =>
  sleep(ms, undefined, { signal }).catch(() => undefined)
