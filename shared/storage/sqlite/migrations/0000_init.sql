CREATE TABLE `api_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`label` text NOT NULL,
	`hash` text NOT NULL,
	`scopes` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`last_used_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `api_keys_hash_unique` ON `api_keys` (`hash`);--> statement-breakpoint
CREATE TABLE `attempts` (
	`id` text PRIMARY KEY NOT NULL,
	`delivery_id` text NOT NULL,
	`webhook_id` text NOT NULL,
	`generation` integer NOT NULL,
	`number` integer NOT NULL,
	`started_at` integer NOT NULL,
	`finished_at` integer,
	`outcome` text,
	`status_code` integer,
	`error` text,
	`timings` text,
	`request` text,
	`response_headers` text,
	`response_body` text,
	`response_truncated` integer DEFAULT false NOT NULL,
	`next_attempt_at` integer,
	`decision` text
);
--> statement-breakpoint
CREATE INDEX `attempts_delivery` ON `attempts` (`delivery_id`,`number`);--> statement-breakpoint
CREATE INDEX `attempts_unfinished` ON `attempts` (`started_at`) WHERE outcome is null;--> statement-breakpoint
CREATE TABLE `deliveries` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`event_id` text NOT NULL,
	`webhook_id` text NOT NULL,
	`event_type` text NOT NULL,
	`subscription_ids` text NOT NULL,
	`state` text NOT NULL,
	`generation` integer NOT NULL,
	`attempts` integer NOT NULL,
	`step` integer NOT NULL,
	`accepted_at` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`next_attempt_at` integer,
	`last_attempt_at` integer,
	`delivered_at` integer,
	`last_outcome` text,
	`last_status_code` integer,
	`last_error` text,
	`reason` text
);
--> statement-breakpoint
CREATE INDEX `deliveries_created` ON `deliveries` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `deliveries_state` ON `deliveries` (`organization_id`,`state`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `deliveries_webhook` ON `deliveries` (`webhook_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `deliveries_event` ON `deliveries` (`event_id`);--> statement-breakpoint
CREATE INDEX `deliveries_open` ON `deliveries` (`next_attempt_at`,`id`) WHERE state in ('pending', 'retrying');--> statement-breakpoint
CREATE TABLE `event_types` (
	`organization_id` text NOT NULL,
	`name` text NOT NULL,
	`description` text,
	`schema` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`organization_id`, `name`)
);
--> statement-breakpoint
CREATE TABLE `events` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`source` text NOT NULL,
	`dedup_key` text,
	`body_hash` text NOT NULL,
	`type` text NOT NULL,
	`envelope` text NOT NULL,
	`headers` text NOT NULL,
	`raw` blob NOT NULL,
	`data_start` integer,
	`data_end` integer,
	`data_text` text,
	`received_at` integer NOT NULL,
	`fanned_out_at` integer,
	`matched` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `events_dedup` ON `events` (`organization_id`,`source`,`dedup_key`) WHERE dedup_key is not null;--> statement-breakpoint
CREATE INDEX `events_not_fanned_out` ON `events` (`received_at`) WHERE fanned_out_at is null;--> statement-breakpoint
CREATE INDEX `events_received` ON `events` (`organization_id`,`received_at`);--> statement-breakpoint
CREATE TABLE `idempotency_keys` (
	`organization_id` text NOT NULL,
	`key` text NOT NULL,
	`body_hash` text NOT NULL,
	`event_ids` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`organization_id`, `key`)
);
--> statement-breakpoint
CREATE TABLE `organizations` (
	`id` text PRIMARY KEY NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `redeliveries` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`filter` text,
	`before` integer NOT NULL,
	`state` text NOT NULL,
	`matched` integer NOT NULL,
	`redelivered` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `redeliveries_organization` ON `redeliveries` (`organization_id`,`created_at`);--> statement-breakpoint
CREATE TABLE `registry` (
	`id` integer PRIMARY KEY NOT NULL,
	`version` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `sources` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`name` text NOT NULL,
	`adapter` text NOT NULL,
	`scheme` text,
	`scheme_params` text NOT NULL,
	`secrets` text NOT NULL,
	`settings` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `sources_name` ON `sources` (`organization_id`,`name`);--> statement-breakpoint
CREATE TABLE `subscriptions` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`webhook_id` text NOT NULL,
	`event_type` text NOT NULL,
	`filters` text NOT NULL,
	`created_at` integer NOT NULL,
	`deleted_at` integer
);
--> statement-breakpoint
CREATE INDEX `subscriptions_webhook` ON `subscriptions` (`webhook_id`);--> statement-breakpoint
CREATE INDEX `subscriptions_organization` ON `subscriptions` (`organization_id`);--> statement-breakpoint
CREATE TABLE `webhooks` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`url` text NOT NULL,
	`label` text,
	`active` integer NOT NULL,
	`scheme` text NOT NULL,
	`format` text NOT NULL,
	`secrets` text NOT NULL,
	`headers` text,
	`format_settings` text,
	`retry` text NOT NULL,
	`timeout_ms` integer NOT NULL,
	`disabled_reason` text,
	`last_succeeded_at` integer,
	`last_failed_at` integer,
	`last_failed_status_code` integer,
	`last_failed_reason` text,
	`next_attempt_at` integer,
	`consecutive_failures` integer DEFAULT 0 NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`removed_at` integer
);
--> statement-breakpoint
CREATE INDEX `webhooks_organization` ON `webhooks` (`organization_id`,`id`);