/** What a hub can do to its log that its anchor's holder sees. */
export type AnchorFaultCode =
  | 'unreadable'
  | 'unknown-key'
  | 'wrong-signature'
  | 'another-log'
  | 'rolled-back'
  | 'forked'
  | 'inconsistent'
  | 'unproven'

/** What an auditor needs to see it too: both notes are signed by the hub, which therefore cannot deny them. */
export interface AnchorEvidence {
  code: AnchorFaultCode
  /** The checkpoint that was held; null at the first contact. */
  kept: string | null
  /** The one that the hub gave now. */
  given: string
  /** The hub's answer that was to prove the two to be of one log; null where none was asked for. */
  proof: string | null
}

const words: Record<AnchorFaultCode, string> = {
  unreadable: '给出的不是签名检查点 / What was given is no signed checkpoint',
  'unknown-key':
    '检查点没有所信任密钥的签名,也没有由其签名的交接 / No trusted key has signed the checkpoint, nor the handover to the one that has',
  'wrong-signature': '检查点的签名错误 / A signature of the checkpoint is wrong',
  'another-log': '检查点属于另一份日志 / The checkpoint is of another log',
  'rolled-back':
    '日志被回退:比已持有的检查点短 / The log was rolled back: it is shorter than it was',
  forked: '日志分叉:同一大小有两个根,历史被改写 / The log is forked: two roots at one size',
  inconsistent:
    '一致性证明不成立:新日志不以旧日志为开头,历史被改写 / The proof fails: the log did not grow out of what it was',
  unproven: '未给出一致性证明 / No proof was given that the log only grew',
}

/** The hub's log is not the one that the holder of an anchor has seen. The anchor stays as it was. */
export class AnchorFault extends Error {
  readonly code: AnchorFaultCode
  readonly evidence: AnchorEvidence

  constructor(evidence: AnchorEvidence, detail = '') {
    super(detail === '' ? words[evidence.code] : `${words[evidence.code]}: ${detail}`)
    this.name = 'AnchorFault'
    this.code = evidence.code
    this.evidence = evidence
  }
}
