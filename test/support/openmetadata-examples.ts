/** The examples of OpenMetadata's documentation (its section "Use Cases"), member for member. */
export const examples = {
  slack: {
    name: 'SlackTableNotifications',
    displayName: 'Slack Table Notifications',
    webhookType: 'Slack',
    description: 'Notify Slack channel when tables are created or updated',
    enabled: true,
    eventFilters: [
      {
        eventType: 'entityCreated',
        entities: ['table'],
      },
      {
        eventType: 'entityUpdated',
        entities: ['table'],
        include: ['tags', 'owner', 'description'],
      },
    ],
    webhookConfig: {
      endpoint: 'https://hooks.slack.com/services/XXX/YYY/ZZZ',
      headers: {
        'Content-Type': 'application/json',
      },
      timeout: 10,
    },
    batchSize: 1,
    owner: {
      type: 'team',
      name: 'DataEngineering',
    },
  },
  pagerduty: {
    name: 'QualityTestWebhook',
    displayName: 'Data Quality Webhook',
    webhookType: 'Generic',
    description: 'Send alerts to PagerDuty when quality tests fail',
    enabled: true,
    eventFilters: [
      {
        eventType: 'entityUpdated',
        entities: ['testCase'],
        include: ['testCaseResult'],
      },
    ],
    webhookConfig: {
      endpoint: 'https://events.pagerduty.com/v2/enqueue',
      headers: {
        Authorization: 'Token token=YOUR_API_KEY',
        'Content-Type': 'application/json',
      },
      timeout: 15,
    },
    batchSize: 5,
    owner: {
      type: 'team',
      name: 'DataQuality',
    },
    tags: [
      {
        tagFQN: 'Integration.PagerDuty',
      },
    ],
  },
  custom: {
    name: 'CustomAppIntegration',
    displayName: 'Custom Application Webhook',
    webhookType: 'Custom',
    description: 'Send all metadata changes to custom application',
    enabled: true,
    eventFilters: [
      {
        eventType: 'entityCreated',
        entities: ['*'],
      },
      {
        eventType: 'entityUpdated',
        entities: ['*'],
      },
      {
        eventType: 'entityDeleted',
        entities: ['*'],
      },
    ],
    webhookConfig: {
      endpoint: 'https://api.company.com/metadata/webhook',
      secretKey: 'your-hmac-secret-key',
      headers: {
        Authorization: 'Bearer YOUR_TOKEN',
        'X-Custom-Header': 'value',
      },
      timeout: 30,
    },
    batchSize: 10,
    owner: {
      type: 'user',
      name: 'integration.admin',
    },
    domain: {
      type: 'domain',
      name: 'Operations',
    },
  },
  teams: {
    name: 'MSTeamsAlerts',
    displayName: 'MS Teams Critical Alerts',
    webhookType: 'MSTeams',
    description: 'Send critical alerts to MS Teams',
    enabled: true,
    eventFilters: [
      {
        eventType: 'entityDeleted',
        entities: ['table', 'dashboard', 'pipeline'],
      },
      {
        eventType: 'entityUpdated',
        entities: ['policy'],
        include: ['rules'],
      },
    ],
    webhookConfig: {
      endpoint: 'https://outlook.office.com/webhook/XXX',
      timeout: 10,
    },
    batchSize: 1,
    owner: {
      type: 'team',
      name: 'Governance',
    },
  },
  owners: {
    name: 'OwnerFollowerNotifications',
    displayName: 'Owner & Follower Notifications',
    webhookType: 'Generic',
    description: 'Notify entity owners and followers of changes',
    enabled: true,
    eventFilters: [
      {
        eventType: 'entityUpdated',
        entities: ['table', 'dashboard'],
        include: ['description', 'tags', 'tier'],
      },
    ],
    webhookConfig: {
      endpoint: 'https://api.company.com/notifications',
      sendToOwners: true,
      sendToFollowers: true,
      timeout: 10,
    },
    batchSize: 5,
    owner: {
      type: 'team',
      name: 'DataGovernance',
    },
  },
  domain: {
    name: 'SalesDomainWebhook',
    displayName: 'Sales Domain Notifications',
    webhookType: 'Slack',
    description: 'Notify Sales team of changes in Sales domain',
    enabled: true,
    eventFilters: [
      {
        eventType: 'entityCreated',
        entities: ['table', 'dashboard'],
        include: ['domain:Sales'],
      },
      {
        eventType: 'entityUpdated',
        entities: ['table', 'dashboard'],
        include: ['domain:Sales'],
      },
    ],
    webhookConfig: {
      endpoint: 'https://hooks.slack.com/services/SALES/XXX/YYY',
      timeout: 10,
    },
    batchSize: 3,
    owner: {
      type: 'team',
      name: 'Sales',
    },
    domain: {
      type: 'domain',
      name: 'Sales',
    },
  },
}
