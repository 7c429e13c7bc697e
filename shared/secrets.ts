import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'

/**
 * Seals secrets before they are stored: AES-256-GCM, a random 96-bit nonce each, and the owner's id as associated
 * data, so that a sealed value copied to another row does not open. Whoever steals the database has no secret.
 * Each says which master key it was sealed with, so that one key can follow another while all stays readable.
 */
export type Vault = {
  seal(plain: string, owner: string): string
  open(sealed: string, owner: string): string
  /** Whether it was sealed with the newest master key. */
  isNewest(sealed: string): boolean
}

/** What settings say of master keys: 32 bytes in base64, and those that came before, separated by commas. */
export const openVaultOf = ({ masterKey, masterKeyPrevious }: { masterKey: string; masterKeyPrevious?: string | undefined }): Vault =>
  openVault(...[masterKey, ...masterKeysOf(masterKeyPrevious ?? '')].map((key) => Buffer.from(key, 'base64')))

export const masterKeysOf = (list: string): string[] =>
  list
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '')

/** @param masterKeys 32 bytes each, the newest first: it seals, all of them open */
export function openVault(...masterKeys: Uint8Array[]): Vault {
  for (const { length } of masterKeys) if (length !== 32) throw new Error(`the master key must be 32 bytes, it has ${length}`)
  const keys = masterKeys.map((key) => ({ id: createHash('sha256').update(key).digest('hex').slice(0, 8), key }))
  const [newest] = keys
  if (!newest) throw new Error('there is no master key')

  return {
    seal(plain, owner) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', newest.key, nonce).setAAD(Buffer.from(owner))
      const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
      return `v2.${newest.id}.${Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')}`
    },
    open(sealed, owner) {
      const [version, id, text] = sealed.split('.')
      if (version === 'v2' && id && text) {
        const found = keys.find((one) => one.id === id)
        if (!found) throw new Error(`a stored secret was sealed with another master key (${id}); name that in MASTER_KEY_PREVIOUS`)
        return unseal(text, owner, found.key)
      }
      // the first form does not say with which
      if (version === 'v1' && id) return openWithAny(id, owner, masterKeys)
      throw new Error('a stored secret has an unknown form')
    },
    isNewest: (sealed) => sealed.startsWith(`v2.${newest.id}.`),
  }
}

function openWithAny(text: string, owner: string, masterKeys: Uint8Array[]): string {
  for (const key of masterKeys.slice(0, -1)) {
    try {
      return unseal(text, owner, key)
    } catch {
      // sealed with an older one
    }
  }
  return unseal(text, owner, masterKeys.at(-1) as Uint8Array)
}

function unseal(text: string, owner: string, key: Uint8Array): string {
  const bytes = Buffer.from(text, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
  decipher.setAAD(Buffer.from(owner)).setAuthTag(bytes.subarray(12, 28))
  return decipher.update(bytes.subarray(28), undefined, 'utf8') + decipher.final('utf8')
}
