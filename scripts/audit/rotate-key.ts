import { userInfo } from 'node:os'
import { v7 as newId } from 'uuid'
import { fingerprintLedger } from '../../src/hub/database/key-fingerprints.ts'
import { rotateSigningKey } from '../../src/hub/keys.ts'
import { StartRefusal } from '../../src/hub/start-refusal.ts'
import { withHub, withLog } from './with-hub.ts'

export const rotateKeyHelp = `用法 / usage: npm run audit -- rotate-key

生成下一把签名密钥,并记入审计日志。重启各进程后,下一个检查点由新旧两把密钥共同签名,持有旧公钥者由此跟到新公钥;
在那之前请保留旧密钥文件。旧公钥始终列在 GET /v1/audit/key 中,旧检查点照样可核验。
Makes the next signing key and tells the log. After the processes were restarted the next checkpoint is signed by both
keys, so that whoever trusts the former one can follow; keep the former file until then. Former verifier keys stay
listed, and old checkpoints verify as before.`

/** `npm run audit -- rotate-key`; answers the exit code. */
export async function rotateKeyCommand(args: readonly string[]): Promise<number> {
  if (args.length > 0) {
    const isHelp = ['--help', '-h'].includes(args[0] ?? '')
    ;(isHelp ? console.log : console.error)(rotateKeyHelp)
    return isHelp ? 0 : 2
  }
  try {
    await withHub(async (hub) => {
      const path = await rotateSigningKey(hub.keysDir, fingerprintLedger(hub.database.knex))
      await withLog(hub, async (log) => {
        await log.append({
          operation: 'audit.rotate-key',
          outcome: 'allowed',
          requestId: newId(),
          requestedAt: new Date(),
          operator: userInfo().username,
        })
      })
      console.log(
        `✓ 新密钥 / new key: ${path}\n  请复制到每台主机,然后重启各进程 / Copy it to every host, then restart the processes`,
      )
    })
    return 0
  } catch (error) {
    console.error(error instanceof StartRefusal ? error.message : error)
    return 1
  }
}
