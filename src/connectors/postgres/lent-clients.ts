import type { Client } from 'pg'
import type { ServerSettings } from '../../../schemas/api/connectors.ts'
import { connectClient, endNow } from './client.ts'

/*
 * Signing in costs a server and a client some ten milliseconds, and a bureau pulls dozens of tables out of
 * one server, each several times an hour. So a connection that comes back whole waits a while for the next.
 *
 *   lent ──given back──▶ waiting ──lent again, within seconds──▶ lent
 *     │ broken off          │ server gone, or nobody came
 *     └──────▶ ended ◀──────┘
 */
const waitMsMax = 10_000
const waitingMax = 4

export interface LentClient {
  client: Client
  /** For a connection with nothing open on it: it may be lent again. */
  giveBack(): void
  /** Ends it, whatever it is doing. */
  end(): void
}

interface Waiting {
  client: Client
  timer: NodeJS.Timeout
}

const waiting = new Map<string, Waiting[]>()

/** The same credentials to the same place, and nothing else, make two connections interchangeable. */
const nameOf = ({ url, tls }: ServerSettings): string => JSON.stringify([url, tls ?? null])

/** A connection of nobody else's, until it is given back or ended. Refuses as `connectClient` does. */
export async function lendClient(
  settings: ServerSettings,
  signal: AbortSignal | undefined,
): Promise<LentClient> {
  signal?.throwIfAborted()
  const name = nameOf(settings)
  const client = takeWaiting(name) ?? (await connectClient(settings, signal))
  const stop = (): void => endNow(client)
  signal?.addEventListener('abort', stop, { once: true })
  const release = (): void => signal?.removeEventListener('abort', stop)
  return {
    client,
    giveBack: () => {
      release()
      if (signal?.aborted !== true) keepWaiting(name, client)
    },
    end: () => {
      release()
      endNow(client)
    },
  }
}

const isOpen = ({ connection }: Client): boolean => !connection.stream.destroyed

function takeWaiting(name: string): Client | null {
  const kept = waiting.get(name) ?? []
  for (let one = kept.pop(); one !== undefined; one = kept.pop()) {
    clearTimeout(one.timer)
    if (isOpen(one.client)) return one.client
  }
  waiting.delete(name)
  return null
}

function keepWaiting(name: string, client: Client): void {
  const kept = (waiting.get(name) ?? []).filter((one) => isOpen(one.client))
  if (!isOpen(client) || kept.length >= waitingMax) {
    void client.end().catch(() => undefined)
    return
  }
  const leave = (): void => {
    const rest = (waiting.get(name) ?? []).filter((one) => one.client !== client)
    if (rest.length === 0) waiting.delete(name)
    else waiting.set(name, rest)
    void client.end().catch(() => undefined)
  }
  const timer = setTimeout(leave, waitMsMax)
  // A process that is done does not stay for the sake of a connection that waits.
  timer.unref()
  waiting.set(name, [...kept, { client, timer }])
}
