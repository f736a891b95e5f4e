import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync, closeSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import nodeFlags from '../node-flags.json' with { type: 'json' }

/** A program in a process of its own, so that its memory is its own and the client is another process. */
export interface Program {
  url: string
  pid: number
  /** Rejects when the program ends although nobody asked it to. */
  ended: Promise<never>
  /** SIGTERM, and SIGKILL after 20 s. */
  stop(): Promise<void>
}

export interface ProgramOptions {
  script: string
  environment: Record<string, string>
  logPath: string
}

const readyMsMax = 120_000
const stopMsMax = 20_000

const running = new Set<Program>()

/** Ends whatever still runs, so that a bench that is broken off leaves nothing behind. */
export async function endPrograms(): Promise<void> {
  await Promise.all(Array.from(running, (program) => program.stop()))
}

/**
 * Starts a script that prints `… listening on http://…` once it serves. What it prints goes to a file, as
 * it would under a service manager: a pipe would cost the measuring side time.
 */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { script, environment, logPath } = options
  const log = openSync(logPath, 'w', 0o600)
  const child = spawn(process.execPath, [...nodeFlags, script], {
    // No setting of whoever measures reaches the hub, but for those of Node itself.
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_OPTIONS: process.env['NODE_OPTIONS'] ?? '',
      ...environment,
    },
    stdio: ['ignore', log, log],
    // Ctrl-C reaches the bench alone, which ends its programs in order.
    detached: true,
  })
  closeSync(log)
  let isAsked = false
  const ended = once(child, 'exit').then(([code]) => {
    if (isAsked) return new Promise<never>(() => undefined)
    throw new Error(`${script} ended with ${String(code)}:\n${lastWords(logPath)}`)
  })
  ended.catch(() => undefined)
  const program: Program = {
    url: '',
    pid: child.pid ?? 0,
    ended,
    stop: async () => {
      isAsked = true
      await endChild(child)
      running.delete(program)
    },
  }
  running.add(program)
  try {
    program.url = await Promise.race([untilListening(logPath), ended])
    return program
  } catch (error) {
    await program.stop()
    throw error
  }
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax)
  await exit
  clearTimeout(timer)
}

async function untilListening(logPath: string): Promise<string> {
  for (let waitedMs = 0; waitedMs < readyMsMax; waitedMs += 50) {
    const url = /listening on (http:\S+)/.exec(readFileSync(logPath, 'utf8'))?.[1]
    if (url !== undefined) return url
    await sleep(50)
  }
  throw new Error(`not listening after ${readyMsMax / 1000} s:\n${lastWords(logPath)}`)
}

const lastWords = (logPath: string): string => readFileSync(logPath, 'utf8').slice(-3000)

/** Highest resident memory of a process since `forgetPeak`, in MiB, as Linux counts it. */
export function peakMebibytes(pid: number): number {
  const path = join('/proc', String(pid), 'status')
  if (!existsSync(path)) {
    throw new Error('内存测量需要 Linux 的 /proc / Measuring memory needs the /proc of Linux')
  }
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(path, 'utf8'))?.[1]) / 1024
}

/** Lets the kernel count the peak anew (`proc(5)`: 5 written to clear_refs). */
export function forgetPeak(pid: number): void {
  writeFileSync(join('/proc', String(pid), 'clear_refs'), '5')
}
