import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { connectClient } from './clients.ts'
import { type Log, silentLog } from './log.ts'

/** The channel on which changes of systems, staff, grants and the catalog are told. */
export const changeChannel = 'hub_changed'

/*
 *   connecting ──listens──▶ listening ──lost, or silent to a check──▶ connecting (after a pause)
 *        └───────────────close──────────┴──────▶ closed
 */
export interface ListenOptions {
  /** A direct URL: LISTEN does not work through a transaction pooler. */
  url: string
  channels: Readonly<Record<string, (payload: string) => void>>
  /** Notifications may have been missed: whatever they keep fresh must be cleared. */
  onReconnect: () => void
  /** How often the connection is asked whether it still lives, and how long it may take to answer. */
  checkMs?: number
  log?: Log
}

export interface Listener {
  close(): Promise<void>
}

const pauseMsMax = 5000

/**
 * One connection that listens to all channels; resolves once it does. A lost connection is opened
 * again; a half-open one, which tells nothing, is found by a periodic `select 1`.
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const stop = new AbortController()
  const state: { client: Client | undefined } = { client: await connect(options) }
  const finished = keepListening(options, state, stop.signal)
  return {
    close: async () => {
      stop.abort()
      await finished
    },
  }
}

async function keepListening(
  options: ListenOptions,
  state: { client: Client | undefined },
  stop: AbortSignal,
): Promise<void> {
  const log = options.log ?? silentLog
  let pauseMs = 50
  while (!stop.aborted) {
    if (state.client) {
      const reason = await untilLost(state.client, options.checkMs ?? 10_000, stop)
      await endWithin(state.client, 1000)
      state.client = undefined
      if (stop.aborted) return
      log.warn({ reason }, 'the listening connection was lost')
    }
    await sleep(pauseMs, undefined, { signal: stop }).catch(() => undefined)
    if (stop.aborted) return
    try {
      state.client = await connect(options)
      pauseMs = 50
      options.onReconnect()
    } catch (error) {
      pauseMs = Math.min(pauseMs * 2, pauseMsMax)
      log.warn({ error: String(error) }, 'the listening connection could not be opened again')
    }
  }
}

async function connect({ url, channels }: ListenOptions): Promise<Client> {
  const client = await connectClient({ url, purpose: 'listen' })
  client.on('notification', ({ channel, payload }) => channels[channel]?.(payload ?? ''))
  for (const channel of Object.keys(channels)) {
    await client.query(`listen ${client.escapeIdentifier(channel)}`)
  }
  return client
}

/** Resolves with the reason when the connection has gone, does not answer a check, or is to stop. */
function untilLost(client: Client, checkMs: number, stop: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    const timers = { check: undefined as NodeJS.Timeout | undefined }
    const finish = (reason: string): void => {
      clearInterval(timers.check)
      stop.removeEventListener('abort', stopped)
      resolve(reason)
    }
    const stopped = (): void => finish('stopped')
    let answered = true
    timers.check = setInterval(() => {
      if (!answered) return finish('no answer to a check')
      answered = false
      client.query('select 1').then(
        () => (answered = true),
        (error: Error) => finish(error.message),
      )
    }, checkMs)
    client.once('end', () => finish('ended'))
    client.once('error', (error) => finish(error.message))
    if (stop.aborted) return stopped()
    stop.addEventListener('abort', stopped)
  })
}

/** A half-open connection never says goodbye: after a second it is left to the system's keep-alive. */
async function endWithin(client: Client, patienceMs: number): Promise<void> {
  const ended = client.end().catch(() => undefined)
  await Promise.race([ended, sleep(patienceMs, undefined, { ref: false })])
}
