import type { IntakeParts } from './parts.ts'

/** The hub stops: nothing is wrong with the run, which goes back to the queue. */
export class Stopping extends Error {
  constructor() {
    super('The hub is stopping')
  }
}

/** Ends a stored run's work between two steps, so that a hub with a long load still stops in time. */
export const stopIfClosing = (parts: Pick<IntakeParts, 'isClosing'>): void => {
  if (parts.isClosing()) throw new Stopping()
}

/** The bytes, for as long as the hub is not stopping. */
export async function* untilClosing(
  parts: Pick<IntakeParts, 'isClosing'>,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    stopIfClosing(parts)
    yield chunk
  }
}
