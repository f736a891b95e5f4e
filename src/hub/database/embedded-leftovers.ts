import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Ends what is left of a PostgreSQL whose hub was killed: its postmaster and back ends live on, hold the
 * data folder and block the next start. Each has its cluster's folder as working directory, which tells
 * them from every other PostgreSQL of the machine. The postmaster is asked first (a fast shutdown writes
 * a checkpoint), the rest after `patienceMs` is killed; the WAL makes both safe.
 * Must be called under the folder's lock.
 */
export async function endLeftovers(clusterDir: string, patienceMs = 5000): Promise<number> {
  const found = findProcesses(clusterDir)
  if (found.length > 0) {
    const postmaster = readPostmasterPid(clusterDir)
    if (postmaster !== undefined && found.includes(postmaster)) signal(postmaster, 'SIGINT')
    await waitUntilGone(clusterDir, patienceMs)
    for (const pid of findProcesses(clusterDir)) signal(pid, 'SIGKILL')
    await waitUntilGone(clusterDir, 5000)
  }
  // Nothing runs here any more, so the file is stale, whatever process has the number in it by now.
  if (findProcesses(clusterDir).length === 0)
    rmSync(join(clusterDir, 'postmaster.pid'), { force: true })
  return found.length
}

export async function waitUntilGone(clusterDir: string, patienceMs: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += 50) {
    if (findProcesses(clusterDir).length === 0) return
    await sleep(50)
  }
}

/** Process ids of the cluster's PostgreSQL processes. */
export function findProcesses(clusterDir: string): number[] {
  if (!existsSync(clusterDir)) return []
  if (!existsSync('/proc/self/cwd')) return findPostmasterByCommand(clusterDir)
  const folder = realpathSync(clusterDir)
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => runsIn(pid, folder))
}

function runsIn(pid: number, folder: string): boolean {
  try {
    const workingDirectory = readlinkSync(`/proc/${pid}/cwd`)
    if (workingDirectory !== folder && !workingDirectory.startsWith(`${folder}/`)) return false
    return /^(postgres|initdb)\b/.test(basename(readlinkSync(`/proc/${pid}/exe`)))
  } catch {
    return false // gone meanwhile, or of another user
  }
}

/** Without /proc only the postmaster can be recognised; its back ends end with it. */
function findPostmasterByCommand(clusterDir: string): number[] {
  const pid = readPostmasterPid(clusterDir)
  if (pid === undefined) return []
  const { stdout } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout?.includes(clusterDir) ? [pid] : []
}

export function readPostmasterPid(clusterDir: string): number | undefined {
  const pid = Number(readPostmasterFile(clusterDir)[0])
  return Number.isInteger(pid) && pid > 1 ? pid : undefined
}

/** The lines of postmaster.pid: the process id first, the port fourth, the status eighth. */
export function readPostmasterFile(clusterDir: string): string[] {
  try {
    return readFileSync(join(clusterDir, 'postmaster.pid'), 'utf8').split('\n')
  } catch {
    return []
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // Gone meanwhile.
  }
}
