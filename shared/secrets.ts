import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/**
 * Seals secrets before they are stored: AES-256-GCM, a random 96-bit nonce each, and the owner's id as associated
 * data, so that a sealed value copied to another row does not open. Whoever steals the database has no secret.
 */
export type Vault = {
  seal(plain: string, owner: string): string
  open(sealed: string, owner: string): string
}

/** @param masterKey 32 bytes */
export function openVault(masterKey: Uint8Array): Vault {
  if (masterKey.length !== 32) throw new Error(`the master key must be 32 bytes, it has ${masterKey.length}`)
  return {
    seal(plain, owner) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', masterKey, nonce).setAAD(Buffer.from(owner))
      const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
      return `v1.${Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')}`
    },
    open(sealed, owner) {
      const [version, text] = sealed.split('.')
      if (version !== 'v1' || !text) throw new Error('a stored secret has an unknown form')
      const bytes = Buffer.from(text, 'base64url')
      const decipher = createDecipheriv('aes-256-gcm', masterKey, bytes.subarray(0, 12))
      decipher.setAAD(Buffer.from(owner)).setAuthTag(bytes.subarray(12, 28))
      return decipher.update(bytes.subarray(28), undefined, 'utf8') + decipher.final('utf8')
    },
  }
}
