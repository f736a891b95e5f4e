/** Settles with the work, or fails with the signal's reason as soon as that is given: drivers may never answer. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  return new Promise((settle, fail) => {
    const stop = (): void => fail(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(settle, fail).finally(() => signal.removeEventListener('abort', stop))
  })
}
