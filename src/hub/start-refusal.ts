/**
 * A reason not to start that the operator can put right (a bad setting, a data folder in use, keys of
 * another hub). The start program prints the message alone, without a stack, and exits with 1.
 */
export class StartRefusal extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'StartRefusal'
  }
}
