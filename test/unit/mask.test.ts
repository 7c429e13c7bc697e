import { describe, expect, it } from 'vitest'
import { maskUrl } from '../../services/status/mask.ts'

describe('a URL for who may only read', () => {
  it.each([
    [
      'is left as it is where nothing looks secret',
      'https://example.com/webhooks/ptolemy?room=7',
      'https://example.com/webhooks/ptolemy?room=7',
    ],
    ['hides the path of a Slack webhook', 'https://hooks.slack.com/services/T0/B0/x', 'https://hooks.slack.com/services/***/***/***'],
    [
      'hides key and token of Google Chat',
      'https://chat.googleapis.com/v1/spaces?key=a&token=b',
      'https://chat.googleapis.com/v1/***?key=***&token=***',
    ],
    [
      'hides the signature of Power Automate',
      'https://x.logic.azure.com/workflows?api-version=1&sig=a%2Fb',
      'https://x.logic.azure.com/workflows?api-version=1&sig=***',
    ],
    ['hides a token in the path', 'https://example.com/in/3f2a9c0d1e4b5a6978/event', 'https://example.com/in/***/event'],
    ['hides a token under any name', 'https://example.com/?room=3f2a9c0d1e4b5a6978', 'https://example.com/?room=***'],
    ['keeps the port', 'http://10.0.0.1:8080/a', 'http://10.0.0.1:8080/a'],
    ['is empty where the webhook is unknown', '', ''],
  ])('%s', (_, url, masked) => {
    expect(maskUrl(url)).toBe(masked)
  })
})
