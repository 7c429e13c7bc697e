CREATE TABLE `collected` (
	`organization_id` text NOT NULL,
	`source` text NOT NULL,
	`entity_id` text NOT NULL,
	`seq` integer NOT NULL,
	`hash` text NOT NULL,
	`deleted` integer NOT NULL,
	`entity` text NOT NULL,
	`updated_at` integer NOT NULL,
	`scan_id` text,
	PRIMARY KEY(`organization_id`, `source`, `entity_id`)
);
--> statement-breakpoint
CREATE UNIQUE INDEX `collected_seq` ON `collected` (`organization_id`,`source`,`seq`);--> statement-breakpoint
CREATE TABLE `directory` (
	`organization_id` text NOT NULL,
	`kind` text NOT NULL,
	`name` text NOT NULL,
	`display_name` text,
	`email` text,
	`is_admin` integer DEFAULT false NOT NULL,
	`webhook_id` text,
	`members` text DEFAULT '[]' NOT NULL,
	`source` text,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`organization_id`, `kind`, `name`)
);
--> statement-breakpoint
CREATE TABLE `partials` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`source` text NOT NULL,
	`dedup_key` text,
	`body_hash` text NOT NULL,
	`raw` blob NOT NULL,
	`headers` text NOT NULL,
	`received_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`state` text NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`next_attempt_at` integer,
	`last_status_code` integer,
	`reason` text,
	`event_id` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `partials_dedup` ON `partials` (`organization_id`,`source`,`dedup_key`) WHERE dedup_key is not null;--> statement-breakpoint
CREATE INDEX `partials_waiting` ON `partials` (`next_attempt_at`,`id`) WHERE state = 'waiting';--> statement-breakpoint
CREATE INDEX `partials_received` ON `partials` (`organization_id`,`received_at`);--> statement-breakpoint
CREATE TABLE `scans` (
	`organization_id` text NOT NULL,
	`source` text NOT NULL,
	`id` text NOT NULL,
	`is_full` integer NOT NULL,
	`last_request_id` text NOT NULL,
	`state` text NOT NULL,
	`created` integer DEFAULT 0 NOT NULL,
	`updated` integer DEFAULT 0 NOT NULL,
	`deleted` integer DEFAULT 0 NOT NULL,
	`unchanged` integer DEFAULT 0 NOT NULL,
	`started_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`organization_id`, `source`, `id`)
);
--> statement-breakpoint
CREATE TABLE `audit` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`organization_id` text NOT NULL,
	`at` integer NOT NULL,
	`actor` text NOT NULL,
	`actor_label` text,
	`action` text NOT NULL,
	`target_type` text NOT NULL,
	`target_id` text,
	`before` text,
	`after` text,
	`request_id` text,
	`previous_hash` text NOT NULL,
	`hash` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `audit_organization` ON `audit` (`organization_id`,`seq`);--> statement-breakpoint
CREATE TABLE `refusals` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`source` text NOT NULL,
	`at` integer NOT NULL,
	`status` integer NOT NULL,
	`reason` text NOT NULL,
	`bytes` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `refusals_source` ON `refusals` (`organization_id`,`source`,`at`);--> statement-breakpoint
CREATE TABLE `sessions` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`key_id` text NOT NULL,
	`organization_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE `api_keys` ADD `rate_limit` integer;--> statement-breakpoint
ALTER TABLE `api_keys` ADD `previous_hash` text;--> statement-breakpoint
ALTER TABLE `api_keys` ADD `previous_expires_at` integer;--> statement-breakpoint
CREATE UNIQUE INDEX `api_keys_previous_hash_unique` ON `api_keys` (`previous_hash`);--> statement-breakpoint
ALTER TABLE `deliveries` ADD `batch_id` text;--> statement-breakpoint
ALTER TABLE `deliveries` ADD `lane` text;--> statement-breakpoint
ALTER TABLE `deliveries` ADD `cause` text;--> statement-breakpoint
CREATE INDEX `deliveries_batch` ON `deliveries` (`batch_id`) WHERE batch_id is not null;--> statement-breakpoint
ALTER TABLE `webhooks` ADD `batch_size` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `webhooks` ADD `order` text;--> statement-breakpoint
ALTER TABLE `webhooks` ADD `max_in_flight` integer;--> statement-breakpoint
ALTER TABLE `webhooks` ADD `rate_limit` integer;--> statement-breakpoint
ALTER TABLE `webhooks` ADD `triggers` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `webhooks` ADD `fallback` text;--> statement-breakpoint
ALTER TABLE `webhooks` ADD `recipients` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `webhooks` ADD `failing_since` integer;--> statement-breakpoint
ALTER TABLE `webhooks` ADD `warnings` integer DEFAULT 0 NOT NULL;